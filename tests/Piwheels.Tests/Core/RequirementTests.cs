using System.Text.Json;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class RequirementTests
{
    [Fact]
    public void Every_known_requirement_is_read_as_Python_reads_it()
    {
        var lines = PackagingVectors.Read("requirements.jsonl").ToLookup(line => line.TryGetProperty("text", out _));
        var environments = lines[false].Single().GetProperty("environments").EnumerateArray().Select(Environment).ToList();
        PackagingVectors.Check(lines[true], 800, line => Problem(line, environments));
    }

    [Fact]
    public void A_known_requirement_reads_back_as_the_same()
    {
        foreach (var line in PackagingVectors.Read("requirements.jsonl").Where(IsValid))
        {
            var text = Requirement.Parse(line.Text("text")).ToString();
            Assert.Equal(text, Requirement.Parse(text).ToString());
        }
    }

    [Theory]
    [InlineData("a==1.0;python_version<'3'", "a==1.0; python_version < \"3\"")]
    [InlineData("A_b [x , y] ( >= 1 , <2, )", "A_b[x,y]>=1,<2")]
    [InlineData("a[]", "a")]
    [InlineData("a@https://x/y;z ; os.name=='posix'", "a @ https://x/y;z ; os_name == \"posix\"")]
    [InlineData("a;(os_name=='a' or os_name=='b')and os_name=='c'", "a; (os_name == \"a\" or os_name == \"b\") and os_name == \"c\"")]
    public void A_requirement_is_written_in_one_form(string text, string expected) =>
        Assert.Equal(expected, Requirement.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(";python_version>'3'")]
    [InlineData("a b")]
    [InlineData("a;")]
    [InlineData("a[")]
    [InlineData("a[x y]")]
    [InlineData("a[x,]")]
    [InlineData("a@")]
    [InlineData("a @ https://x y")]
    [InlineData("a @ d")]
    [InlineData("a @ https:///x")]
    [InlineData("a @ ://x")]
    [InlineData("a(>=1")]
    [InlineData("a>=1)")]
    [InlineData("a>=1 >=2")]
    [InlineData("a>=1.*")]
    [InlineData("a\0")]
    [InlineData("a\n>=1")]
    [InlineData("a; python_version")]
    [InlineData("a; python_version > ")]
    [InlineData("a; python_version > '3")]
    [InlineData("a; python_version > '3' and")]
    [InlineData("a; python_version > '3' x")]
    [InlineData("a; weather == 'fine'")]
    [InlineData("a; python_version not '3'")]
    [InlineData("a; (python_version > '3'")]
    public void What_is_no_requirement_is_refused_in_words(string text)
    {
        Assert.False(Requirement.TryParse(text, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    [Theory]
    [InlineData(Marker.DepthMax, true)]
    [InlineData(Marker.DepthMax + 1, false)]
    [InlineData(5_000, false)]
    public void Parentheses_nest_up_to_a_limit(int depth, bool expected)
    {
        var text = $"{new string('(', depth)}os_name=='a'{new string(')', depth)}";
        Assert.Equal(expected, Marker.TryParse(text, out _));
        Assert.Equal(expected, Requirement.TryParse("a;" + text, out _));
    }

    [Fact]
    public void A_marker_may_be_as_long_as_a_requirement_and_is_still_understood()
    {
        const string One = "os_name=='a' or ";
        var text = string.Concat(Enumerable.Repeat(One, Requirement.LengthMax / One.Length - 1)) + "os_name=='posix'";
        Assert.True(Marker.TryParse(text, out var marker));
        Assert.True(marker.Holds(MarkerEnvironment.ForTarget(new Target("cp311", "linux_armv7l"))!));
    }

    [Fact]
    public void A_text_beyond_the_limit_is_refused_at_once()
    {
        Assert.False(Requirement.TryParse(new string('a', 1 << 20), out _));
        Assert.False(Requirement.TryParse("a;" + new string('(', 1 << 20), out _));
        Assert.False(Marker.TryParse(new string(' ', 1 << 20), out _));
    }

    [Theory]
    [InlineData("python_version < '3.10'", "cp39", true)]
    [InlineData("python_version < '3.10'", "cp311", false)]
    [InlineData("python_version >= '3.9' and python_version < '3.12'", "cp310", true)]
    [InlineData("'3.9' <= python_version", "cp310", true)]
    [InlineData("python_version == '3.*'", "cp313t", true)]
    [InlineData("implementation_name == 'pypy'", "pypy39_pp73", true)]
    [InlineData("platform_machine == 'armv7l'", "cp311", true)]
    [InlineData("sys_platform == 'win32'", "cp311", false)]
    [InlineData("platform_release >= '5'", "cp311", false)]
    [InlineData("os_name > 'a'", "cp311", true)]
    [InlineData("os_name ~= 'a'", "cp311", false)]
    [InlineData("extra == 'a'", "cp311", false)]
    public void A_marker_is_evaluated_for_a_target(string marker, string abi, bool expected)
    {
        Assert.True(Marker.TryParse(marker, out var condition));
        Assert.Equal(expected, condition.Holds(MarkerEnvironment.ForTarget(new Target(abi, "linux_armv7l"))!));
    }

    [Theory]
    [InlineData("linux_armv7l", "armv7l", "linux")]
    [InlineData("linux_x86_64", "x86_64", "linux")]
    [InlineData("manylinux_2_36_aarch64", "aarch64", "linux")]
    [InlineData("manylinux2014_x86_64", "x86_64", "linux")]
    [InlineData("linux_riscv64", "riscv64", "linux")]
    [InlineData("macosx_11_0_arm64", "arm64", "darwin")]
    [InlineData("win_amd64", "AMD64", "win32")]
    [InlineData("win32", "x86", "win32")]
    public void A_platform_tag_tells_machine_and_system(string platform, string machine, string system)
    {
        var environment = MarkerEnvironment.ForTarget(new Target("cp311", platform));
        Assert.Equal((machine, system), (environment?.PlatformMachine, environment?.SysPlatform));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("abi3")]
    [InlineData("cp3")]
    [InlineData("")]
    public void An_ABI_that_names_no_interpreter_has_no_environment(string abi) =>
        Assert.Null(MarkerEnvironment.ForTarget(new Target(abi, "linux_armv7l")));

    [Fact]
    public void An_extra_that_is_asked_for_brings_its_requirements()
    {
        var environment = MarkerEnvironment.ForTarget(new Target("cp311", "linux_armv7l"))!;
        Assert.True(Marker.TryParse("extra == 'Web_UI' and python_version > '3'", out var marker));
        Assert.False(marker.Holds(environment, []));
        Assert.True(marker.Holds(environment, ["test", "web-ui"]));
    }

    private static bool IsValid(JsonElement line) => line.TryGetProperty("valid", out var valid) && valid.GetBoolean();

    private static string? Problem(JsonElement line, IReadOnlyList<MarkerEnvironment> environments)
    {
        var read = Requirement.TryParse(line.Text("text"), out var requirement);
        if (read != line.Flag("valid")) return $"valid: {read}";
        if (requirement is null) return null;
        if (requirement.Name != line.Text("name")) return requirement.Name;
        if (requirement.Package.Value != line.Text("canonical")) return requirement.Package.Value;
        if (!requirement.Extras.SequenceEqual(line.Texts("extras"))) return string.Join(',', requirement.Extras);
        if (requirement.Url != line.GetProperty("url").GetString()) return $"url {requirement.Url}";

        var clauses = requirement.Specifier.Select(clause => clause.ToString()).Order(StringComparer.Ordinal).Distinct();
        if (!clauses.SequenceEqual(line.Texts("spec"))) return requirement.Specifier.ToString();

        var expected = line.GetProperty("marker").EnumerateArray()
            .Select(item => item.ValueKind == JsonValueKind.Null ? (bool?)null : item.GetBoolean());
        var holds = environments.Select(environment => requirement.Marker?.Holds(environment));
        return holds.SequenceEqual(expected) ? null : $"marker {requirement.Marker}";
    }

    private static MarkerEnvironment Environment(JsonElement line) => new()
    {
        PythonVersion = line.Text("python_version"),
        PythonFullVersion = line.Text("python_full_version"),
        OsName = line.Text("os_name"),
        SysPlatform = line.Text("sys_platform"),
        PlatformMachine = line.Text("platform_machine"),
        PlatformSystem = line.Text("platform_system"),
        PlatformRelease = line.Text("platform_release"),
        PlatformVersion = line.Text("platform_version"),
        PlatformPythonImplementation = line.Text("platform_python_implementation"),
        ImplementationName = line.Text("implementation_name"),
        ImplementationVersion = line.Text("implementation_version"),
        Extra = line.Text("extra"),
    };
}
