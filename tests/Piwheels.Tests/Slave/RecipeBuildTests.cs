using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;
using Piwheels.Slave.Wheels;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>What a recipe does to a build, and what it cannot do.</summary>
public sealed class RecipeBuildTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("piw-test-builds-");
    private PythonFacts _python = null!;
    private BuildFolder _folder = null!;

    private const string Unpatched = """
        def before_wheel():
            raise SystemExit("it has not been patched")
        """;

    private const string Patch = """
        --- a/backend.py
        +++ b/backend.py
        @@ -7,6 +7,6 @@
             pass

         def before_wheel():
        -    raise SystemExit("it has not been patched")
        +    print("it has been patched")

         def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):

        """;

    public async ValueTask InitializeAsync()
    {
        _python = await PythonFacts.FindAsync("/usr/bin/python3", TimeProvider.System, CancellationToken.None);
        _folder = BuildFolder.Create(_parent.FullName, NullLogger.Instance);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        _parent.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Variables_are_set_and_the_log_names_them_without_their_values()
    {
        using var index = new SourceIndex().Add("tiny", """
            def before_wheel():
                assert os.environ["TINY_TOKEN"] == "hunter2 and more", os.environ.get("TINY_TOKEN")
            """);
        var built = await BuildAsync(index, Recipe("environment.TINY_TOKEN = hunter2 and more"));
        Assert.True(built.Status, built.Output);
        Assert.Contains("piw-slave: by its recipe: environment.TINY_TOKEN\n", built.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", built.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_stand_before_what_is_built()
    {
        var build = new PipBuild(
            _python, Rules(Recipe("pip-arguments = --verbose '--config-settings=a=b c'")), BuildContainment.None, Inspect,
            TimeProvider.System, NullLogger.Instance);
        var command = build.Command(BuildPlace.Sandboxed, Tiny, new Uri("https://pypi.org/simple"));
        Assert.Equal(["--verbose", "--config-settings=a=b c", "tiny==1.0"], command[^3..]);
    }

    [Theory]
    [InlineData(BuildNetwork.Index)]
    [InlineData(BuildNetwork.None)]
    public async Task A_patch_is_applied_before_anything_of_the_package_runs(BuildNetwork network)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/patch"), "There is no program patch.");
        using var index = new SourceIndex().Add("tiny", Unpatched);
        var built = await BuildAsync(index, new Recipe { Patch = new RecipePatch("tiny.patch", Patch) }, network);
        Assert.True(built.Status, built.Output);
        Assert.Contains("patching file backend.py", built.Output, StringComparison.Ordinal);
        Assert.Contains("piw-slave: by its recipe: patch = tiny.patch\n", built.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_patch_that_does_not_apply_fails_the_build()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/patch"), "There is no program patch.");
        using var index = new SourceIndex().Add("tiny");
        var patch = Patch.Replace("it has not been", "it was never", StringComparison.Ordinal);
        var built = await BuildAsync(index, new Recipe { Patch = new RecipePatch("tiny.patch", patch) });
        Assert.False(built.Status);
        Assert.Contains("ERROR: the recipe's patch does not apply", built.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recipe_that_says_what_none_may_is_refused_before_anything_runs()
    {
        using var index = new SourceIndex().Add("tiny");
        var built = await BuildAsync(index, new Recipe { PipArguments = ["--index-url=http://evil.example"] });
        Assert.False(built.Status);
        Assert.Contains("its recipe is refused: '--index-url=http://evil.example' is no argument", built.Output, StringComparison.Ordinal);
        Assert.Empty(index.Asked);
    }

    [Theory]
    [InlineData("1h", "1h")]
    [InlineData("4h", "3h")]
    public void A_recipe_narrows_the_time_and_never_widens_it(string asked, string given)
    {
        var rules = Rules(Recipe($"timeout = {asked}"));
        Assert.Equal(Piwheels.Core.Units.DurationText.Parse(given), rules.Limits.WallTime);
    }

    [Theory]
    [InlineData("512M", 512)]
    [InlineData("2G", 1024)]
    public void So_with_memory(string asked, long given) =>
        Assert.Equal(given << 20, Rules(Recipe($"memory = {asked}")).Limits.MemoryBytes);

    [Theory]
    [InlineData("none", BuildNetwork.Full, BuildNetwork.None)]
    [InlineData("index", BuildNetwork.Full, BuildNetwork.Index)]
    [InlineData("full", BuildNetwork.Full, BuildNetwork.Full)]
    [InlineData("full", BuildNetwork.Index, BuildNetwork.Index)]
    [InlineData("index", BuildNetwork.None, BuildNetwork.None)]
    public void So_with_the_network(string asked, BuildNetwork allowed, BuildNetwork given) =>
        Assert.Equal(given, Rules(Recipe($"network = {asked}"), allowed).Network);

    private static readonly Release Tiny = new(PackageName.Parse("tiny"), "1.0");

    private static Recipe Recipe(string line) =>
        new RecipeBook(RecipeFile.Read("test.conf", "[tiny]\n" + line, static _ => throw new InvalidOperationException()))
            .For(Tiny, new Target("cp311", "linux_x86_64"));

    private static BuildRules Rules(Recipe recipe, BuildNetwork network = BuildNetwork.Index) =>
        new BuildRules(new ResourceLimits { WallTime = TimeSpan.FromHours(3), MemoryBytes = 1L << 30 }, []) { Network = network }
            .With(recipe);

    private Task<BuildResult> BuildAsync(SourceIndex index, Recipe recipe, BuildNetwork network = BuildNetwork.Index) =>
        new PipBuild(_python, Rules(recipe, network), BuildContainment.None, Inspect, TimeProvider.System, NullLogger.Instance)
            .RunAsync(_folder, Tiny, index.Url, CancellationToken.None).WaitAsync(Limit, CancellationToken.None);

    private static InspectedWheel Inspect(string path) => new(
        new FileState(Path.GetFileName(path), new FileInfo(path).Length, "", "", "", "", "", "", null, FileState.NoDependencies),
        WheelContents.Nothing);
}
