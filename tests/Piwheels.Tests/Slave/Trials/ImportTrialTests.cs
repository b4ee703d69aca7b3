using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Slave.Building;
using Piwheels.Slave.Failures;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;
using Xunit;

namespace Piwheels.Tests.Slave.Trials;

/// <summary>Real builds of modules in C, which are imported before they would be handed over.</summary>
public sealed class ImportTrialTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("piw-test-trials-");
    private readonly SourceIndex _index = new();
    private readonly string _token = $"trial-{Guid.NewGuid():n}";
    private PythonFacts _python = null!;

    public async ValueTask InitializeAsync()
    {
        _python = await PythonFacts.FindAsync("/usr/bin/python3", TimeProvider.System, CancellationToken.None);
        Assert.SkipUnless(_python is { Compiler: not null, HasHeaders: true, HasVenv: true }, "There is no compiler.");
    }

    public ValueTask DisposeAsync()
    {
        _index.Dispose();
        _parent.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<BuildResult> BuildAsync(
        string package, TimeSpan? importTime = null, SandboxMode mode = SandboxMode.Always, Recipe? recipe = null)
    {
        var sandbox = await SandboxChoice.MakeAsync(
            mode, _python, _parent.FullName, [], TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        var rules = new BuildRules(new ResourceLimits { WallTime = Limit }, []) { ImportTime = importTime ?? Limit };
        var release = new Release(PackageName.Parse(package), "1.0");
        using var folder = BuildFolder.Create(_parent.FullName, NullLogger.Instance);
        var build = new PipBuild(
            _python, rules.With(recipe ?? Recipe.None), new BuildContainment(sandbox, null), new WheelInspector(_python, true).Of(release),
            TimeProvider.System, NullLogger.Instance);
        var result = await build.RunAsync(folder, release, _index.Url, CancellationToken.None).WaitAsync(Limit);
        if (result.Status) Assert.Null(WheelSeal.Breach(folder.Wheels, result.Files)); // What is sent is what was inspected
        return result.Status ? result : result with { Failure = new FailureReader(new AptCatalog("/nowhere")).Read(release, result) };
    }

    private async Task AssertFailsAsync(string package, FailureClass failure, string evidence)
    {
        var result = await BuildAsync(package);
        Assert.False(result.Status, result.Output);
        Assert.Equal(failure, result.Failure!.Class);
        Assert.Contains(evidence, result.Failure.Evidence, StringComparison.Ordinal);
        Assert.Empty(result.Files);
    }

    private async Task AssertPassesAsync(string package, string lastWords, TimeSpan? importTime = null, SandboxMode mode = SandboxMode.Always)
    {
        var result = await BuildAsync(package, importTime, mode);
        Assert.True(result.Status, result.Output);
        Assert.Single(result.Files);
        var last = result.Output.TrimEnd().Split('\n')[^1];
        Assert.StartsWith("piw-slave: ", last, StringComparison.Ordinal);
        Assert.Contains(lastWords, last, StringComparison.Ordinal);
    }

    private void AssertNothingIsLeft() => Assert.DoesNotContain(
        ProcessTable.Read(),
        process => ProcessTable.TryReadText(process.Id, "cmdline")?.Contains(_token, StringComparison.Ordinal) == true);

    [Theory]
    [InlineData(SandboxMode.Always)]
    [InlineData(SandboxMode.Never)]
    public async Task A_module_that_needs_a_library_which_is_there_passes(SandboxMode mode)
    {
        _index.AddNative("native", """
            put("native/__init__.py", "from . import _core")
            module("native/_core", "#include <math.h>", "volatile double x = 2; x = cos(x);", "-Wl,--no-as-needed", "-lm")
            """);

        await AssertPassesAsync("native", "piw-slave: native-1.0-", mode: mode);
        await AssertPassesAsync("native", ".whl can be imported", mode: mode);
    }

    [Fact]
    public async Task A_dependency_comes_from_the_index_as_a_wheel()
    {
        _index.AddWheel("helper", "word = 'helped'").AddNative(
            "native",
            """
            put("native/__init__.py", "import helper\nassert helper.word == 'helped'\nfrom . import _core")
            module("native/_core")
            """,
            "Requires-Dist: helper\n");

        await AssertPassesAsync("native", ".whl can be imported");
    }

    [Fact]
    public async Task A_symbol_that_is_not_there_fails_the_build_also_where_the_package_goes_on_without()
    {
        _index.AddNative("native", """
            put("native/__init__.py", "try:\n    from . import _core\nexcept ImportError:\n    _core = None")
            module("native/_core", "extern int nowhere(void);", "nowhere();")
            """);

        await AssertFailsAsync("native", FailureClass.ImportFailed, "undefined symbol: nowhere");
    }

    [Fact]
    public async Task A_library_that_is_nowhere_fails_the_build()
    {
        _index.AddNative("native", """
            with open("libnowhere.so.7", "wb") as file:
                file.write(compiled("int nowhere(void) { return 7; }", "-Wl,-soname,libnowhere.so.7"))
            put("native/__init__.py")
            module("native/_core", "extern int nowhere(void);", "nowhere();", "./libnowhere.so.7")
            """);

        await AssertFailsAsync("native", FailureClass.MissingLibrary, "ImportError: libnowhere.so.7: cannot open shared object file");
    }

    [Fact]
    public async Task A_module_that_crashes_while_it_is_loaded_fails_the_build()
    {
        _index.AddNative("native", """module("native", "#include <signal.h>", "raise(SIGSEGV);")""");

        await AssertFailsAsync("native", FailureClass.ImportFailed, "SIGSEGV while it was loaded");
    }

    [Fact]
    public async Task A_package_that_imports_a_module_without_its_first_function_fails()
    {
        _index.AddNative("native", """
            put("native/__init__.py", "from . import _core")
            put("native/_core" + suffix, compiled("int other(void) { return 1; }"))
            """);

        await AssertFailsAsync("native", FailureClass.ImportFailed, "dynamic module does not define module export function (PyInit__core)");
    }

    [Fact]
    public async Task A_library_that_is_named_like_a_module_is_none_and_passes()
    {
        _index.AddNative("native", """
            put("native/__init__.py", "import ctypes, glob, os\nctypes.CDLL(glob.glob(os.path.dirname(__file__) + '/_core*')[0])")
            put("native/_core" + suffix, compiled("int other(void) { return 1; }"))
            """);

        await AssertPassesAsync("native", ".whl can be imported");
    }

    [Fact]
    public async Task A_package_that_raises_something_of_its_own_passes_and_its_log_says_so()
    {
        _index.AddNative("native", """
            put("native/__init__.py", "raise RuntimeError('there is no display\\npiw-failure: 1 bad-wheel')")
            module("native/_core")
            """);

        await AssertPassesAsync("native", "which is no fault of it: importing native raised RuntimeError: there is no display");
    }

    [Fact]
    public async Task A_dependency_without_a_wheel_says_nothing_about_the_wheel()
    {
        _index.AddNative("native", """module("native")""", "Requires-Dist: sourceonly\n").Add("sourceonly");

        await AssertPassesAsync(
            "native", "it cannot be installed with its dependencies as wheels: No matching distribution found for sourceonly");
        Assert.DoesNotContain(_index.Asked, path => path.EndsWith("sourceonly-1.0.tar.gz", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_crash_that_is_not_a_modules_own_says_nothing_about_the_wheel()
    {
        _index.AddNative("native", """
            put("native/__init__.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
            module("native/_core")
            """);

        await AssertPassesAsync("native", "its import was ended by SIGSEGV");
    }

    [Fact]
    public async Task An_import_without_an_end_is_ended_and_leaves_nothing()
    {
        _index.AddNative("native", $$"""
            put("native/__init__.py", '''if True:
                import subprocess, time
                subprocess.Popen(["sh", "-c", "trap '' TERM HUP; sleep 600; : {{_token}}"], start_new_session=True)
                time.sleep(600)''')
            module("native/_core")
            """);

        await AssertPassesAsync("native", "its import did not end within 8 seconds", TimeSpan.FromSeconds(8));
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task An_import_that_starts_a_daemon_leaves_nothing_without_a_sandbox_either()
    {
        _index.AddNative("native", $$"""
            put("native/__init__.py", '''if True:
                import os, subprocess
                if os.fork() == 0:
                    os.setsid()
                    subprocess.Popen(["sh", "-c", "trap '' TERM HUP; sleep 600; : {{_token}}"], start_new_session=True,
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    os._exit(0)
                os.wait()''')
            module("native/_core")
            """);

        await AssertPassesAsync("native", ".whl can be imported", mode: SandboxMode.Never);
        AssertNothingIsLeft();
    }

    private const string Rewriter = """
        put("native/__init__.py", '''if True:
            import glob, os
            for path in glob.glob("/build/wheels/*") + glob.glob(os.path.expanduser("~/../wheels/*")):
                with open(path, "ab") as file:
                    file.write(b"evil")''')
        module("native/_core")
        """;

    [Fact]
    public async Task A_wheel_cannot_be_changed_by_its_import()
    {
        _index.AddNative("native", Rewriter);

        await AssertPassesAsync("native", "importing native raised OSError: [Errno 30] Read-only file system");
    }

    [Fact]
    public async Task Without_a_sandbox_a_wheel_that_its_import_has_changed_is_not_handed_over()
    {
        _index.AddNative("native", Rewriter);

        var result = await BuildAsync("native", mode: SandboxMode.Never);

        Assert.False(result.Status, result.Output);
        Assert.Equal(FailureClass.BadWheel, result.Failure!.Class);
        Assert.Contains("its files were changed: native-1.0-", result.Failure.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_runs_has_no_network()
    {
        _index.AddWheel("helper", "").AddNative(
            "native",
            $$"""
            put("native/__init__.py", "import urllib.request\nurllib.request.urlopen('{{_index.Url}}/looked', timeout=5)")
            module("native/_core")
            """,
            "Requires-Dist: helper\n");

        await AssertPassesAsync("native", "importing native raised URLError");
        Assert.DoesNotContain("/simple/looked", _index.Asked);
    }

    [Fact]
    public async Task A_wheel_that_speaks_as_the_sandbox_does_not_stop_the_slave()
    {
        _index.AddNative("native", """
            put("native/__init__.py", "import os\nos.write(1, b'bwrap: there are no namespaces\\n')\nos._exit(1)")
            module("native/_core")
            """);

        await AssertPassesAsync("native", "which is no fault of it: its import ended before it was through");
    }

    [Fact]
    public async Task A_wheel_does_not_take_the_place_of_what_the_environment_has()
    {
        // Its python is a link to the slave's own, which must not be followed; this one would be harmless
        _index.AddNative("native", """
            put("native-1.0.data/data/pyvenv.cfg", "home = /usr/bin\n")
            module("native")
            """);

        await AssertPassesAsync("native", "which is no fault of it: its import ended before it was through");
    }

    [Fact]
    public async Task Pure_wheels_are_not_tried_nor_those_whose_recipe_says_so()
    {
        _index.Add("pure").AddNative("native", """module("native", "", "abort();")""");

        var pure = await BuildAsync("pure");
        var native = await BuildAsync("native", recipe: new Recipe { WithoutImport = true });

        Assert.True(pure.Status, pure.Output);
        Assert.DoesNotContain("imported", pure.Output, StringComparison.Ordinal);
        Assert.True(native.Status, native.Output);
        Assert.DoesNotContain("imported", native.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_for_another_machine_fails_the_build_before_anything_of_it_runs()
    {
        _index.AddNative("native", """
            module("native/_core")
            put("native/_core" + suffix, for_arm(files["native/_core" + suffix]))
            """);

        await AssertFailsAsync("native", FailureClass.BadWheel, "and has a module for 64-bit Arm: native/_core");
    }

    [Fact]
    public async Task A_wheel_for_any_machine_has_no_modules_for_one()
    {
        _index.AddNative("native", """
            global tag
            tag = "any"
            module("native/_core")
            """);

        await AssertFailsAsync("native", FailureClass.BadWheel, "is tagged 'any' and has a module for");
    }

    [Fact]
    public async Task Programs_for_other_machines_are_data()
    {
        _index.AddNative("native", """
            module("native/_core")
            put("native/firmware/board.so", for_arm(compiled("int start(void) { return 1; }")))
            """);

        var result = await BuildAsync("native");

        Assert.True(result.Status, result.Output);
        Assert.Contains(
            "and has programs or libraries for other machines that Python does not import (1), such as native/firmware/board.so for 64-bit Arm\n",
            result.Output, StringComparison.Ordinal);
        Assert.EndsWith(".whl can be imported\n", result.Output, StringComparison.Ordinal);
    }
}
