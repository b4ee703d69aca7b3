using System.CommandLine;
using Piwheels.Cli.Importing;
using Piwheels.Cli.Options;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Cli.Commands;

/// <summary>`piw import`: hands wheels that were made elsewhere to the master, as one build.</summary>
internal sealed class ImportCommand : ImportQueueCommand
{
    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "The wheels: all of one package and version",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> _package = new("--package")
    {
        Description = "The package's name; the first wheel's unless given",
        HelpName = "NAME",
    };

    private readonly Option<string?> _version = new("--package-version")
    {
        Description = "The version, as the farm has it; the first wheel's unless given",
        HelpName = "VERSION",
    };

    private readonly Option<string?> _abi = new("--abi")
    {
        Description = "What it was built for; what the wheels are named for unless given",
        HelpName = "ABI",
    };

    private readonly Option<string?> _duration = new("--duration")
    {
        Description = "How long the build took (0s)",
        HelpName = "DURATION",
    };

    private readonly Option<string?> _output = new("--output") { Description = "A file with the build's log", HelpName = "FILE" };

    private readonly Option<string?> _dependencies = new("--dependencies")
    {
        Description = "A file with the Debian packages that the wheels need; they are looked for on this machine unless given",
        HelpName = "FILE",
    };

    private readonly Option<bool> _delete = new("--delete", "-d") { Description = "Delete the wheels when the master has them" };
    private readonly Option<bool> _json = new("--json") { Description = "Tell what was imported as JSON, for programs" };
    private readonly Setting<string> _fileQueue;
    private readonly Setting<bool> _oldMaster;

    public ImportCommand()
        : base("import", "Hands wheels that were made elsewhere to the master, as one build")
    {
        Command.Add(_files);
        Option[] options = [_package, _version, _abi, _duration, _output, _dependencies, _delete, _json];
        foreach (var option in options) Command.Add(option);
        _fileQueue = Add(Settings.Text("file-queue", "The master's queue for files", "tcp://localhost:5556"));
        _oldMaster = Add(Settings.Flag("old-master", "The master is piwheels' before 0.22, which knows no locations of files"));
        AddMasterSettings();
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var plan = Wanted(context).Read();
        var asJson = context.Parsed.GetValue(_json);
        if (!asJson)
        {
            foreach (var line in plan.Lines) Console.WriteLine(line);
        }

        CheckAgreed(context, plan.Question);
        await SendAsync(context, plan);
        IReadOnlyList<string> deleted = context.Parsed.GetValue(_delete) ? Delete(plan) : [];
        if (asJson) plan.WriteJson(Console.Out, deleted);
        else Console.WriteLine($"Imported {plan.Subject}.");
        return 0;
    }

    private async Task SendAsync(CommandContext context, ImportPlan plan)
    {
        var progress = new TransferProgress(Console.Error, live: !Console.IsErrorRedirected);
        using var master = OpenMaster(context);
        using var zmq = new ZmqContext();
        var sender = new FileSender(zmq, context.Time, context.Logger, sent: progress.Show);
        var run = new ImportRun(master, sender, _fileQueue.In(context.Source), PatienceIn(context), progress);
        var form = _oldMaster.In(context.Source) ? FileStateForm.WithoutLocation : FileStateForm.WithLocation;
        try
        {
            await run.DoAsync(plan, form, context.Stop);
        }
        catch
        {
            progress.End();
            throw;
        }
    }

    private static List<string> Delete(ImportPlan plan)
    {
        var left = new List<string>();
        foreach (var wheel in plan.Wheels)
        {
            try
            {
                File.Delete(wheel.Path);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                left.Add($"{wheel.Path} ({failure.Message})");
            }
        }

        return left.Count == 0
            ? [.. plan.Wheels.Select(wheel => wheel.Path)]
            : throw new CommandFault($"{plan.Subject} imported, but not deleted: {string.Join(", ", left)}");
    }

    private ImportWish Wanted(CommandContext context)
    {
        var parsed = context.Parsed;
        var files = parsed.GetValue(_files)!;
        if (files.FirstOrDefault(file => file.StartsWith('-')) is { } option) throw Wrong($"there is no option {option}");
        PackageName? package = null;
        if (parsed.GetValue(_package) is { } name)
        {
            if (!PackageName.TryParse(name, out var known)) throw Wrong($"--package: '{Excerpt.Of(name)}' is not a package name");
            package = known;
        }

        var version = parsed.GetValue(_version);
        if (version is not null && !PackageVersion.TryParse(version, out _))
            throw Wrong($"--package-version: '{Excerpt.Of(version)}' is not a version");
        var abi = parsed.GetValue(_abi);
        if (abi is not null && (!InterpreterTag.TryParse(abi, out var python) || python.Minor is null))
            throw Wrong($"--abi: '{Excerpt.Of(abi)}' is not the ABI of a Python; write it like cp311");
        return new ImportWish(
            files, package, version, abi, DurationOf(parsed.GetValue(_duration)), parsed.GetValue(_output),
            parsed.GetValue(_dependencies));
    }

    private static TimeSpan DurationOf(string? text)
    {
        try
        {
            return text is null ? TimeSpan.Zero : DurationText.Parse(text);
        }
        catch (FormatException fault)
        {
            throw new CommandFault($"--duration: {fault.Message}", CommandFault.WrongUsage, fault);
        }
    }
}
