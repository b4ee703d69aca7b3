using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text;
using Piwheels.Cli.Commands;
using Piwheels.Cli.Options;

namespace Piwheels.Cli.Documentation;

/// <summary>A page of the manual in the macros of man(7), from what a command says of itself.</summary>
internal static class ManualPage
{
    private static readonly string Version =
        typeof(ManualPage).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            .Split('+')[0] ?? "";

    /// <summary>The page's name: <c>piw-follow-add</c>.</summary>
    public static string NameOf(Command command) => string.Join('-', CommandTree.WordsOf(command));

    /// <summary>The page, in UTF-8 when written; ends with a line feed.</summary>
    public static string Of(Command command)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $".TH {NameOf(command).ToUpperInvariant()} 1 \"\" \"piw {Version}\"\n");
        page.Append(".SH NAME\n").Append(Text($"{NameOf(command)} - {Small(command.Description)}")).Append('\n');
        WriteSynopsis(page, command);
        WriteArguments(page, command);
        var settings = (command as PiwCommand.Node)?.Owner.OwnSettings ?? [];
        WriteOptions(page, command, settings);
        WriteCommands(page, command);
        if (settings.Count > 0) WriteFiles(page, ((PiwCommand.Node)command).Owner.Section);
        WriteEnd(page, command);
        return page.ToString();
    }

    private static void WriteSynopsis(StringBuilder page, Command command)
    {
        page.Append(".SH SYNOPSIS\n.B ").Append(Text(string.Join(' ', CommandTree.WordsOf(command)))).Append('\n');
        if (command.Subcommands.Count > 0) page.Append(".I COMMAND\n");
        if (command.Options.Any(static option => !option.Hidden)) page.Append("[\\fIOPTION\\fR ...]\n");
        foreach (var argument in command.Arguments)
        {
            var name = $"\\fI{Text(argument.Name)}\\fR";
            if (argument.Arity.MaximumNumberOfValues > 1) name += " ...";
            page.Append(argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name).Append('\n');
        }
    }

    private static void WriteArguments(StringBuilder page, Command command)
    {
        if (command.Arguments.Count == 0) return;
        page.Append(".SH ARGUMENTS\n");
        foreach (var argument in command.Arguments)
            page.Append(".TP\n.I ").Append(Text(argument.Name)).Append('\n').Append(Text(Sentence(argument.Description))).Append('\n');
    }

    private static void WriteOptions(StringBuilder page, Command command, IReadOnlyList<Setting> settings)
    {
        var options = command.Options.Where(static option => !option.Hidden).ToList();
        if (options.Count == 0) return;
        page.Append(".SH OPTIONS\n");
        foreach (var option in options)
        {
            var names = option.Aliases.OrderBy(static alias => alias.Length).Append(option.Name)
                .Select(static name => $"\\fB{Text(name)}\\fR");
            page.Append(".TP\n").Append(string.Join(", ", names));
            if (option.Arity.MaximumNumberOfValues > 0 && option.Arity.MinimumNumberOfValues > 0)
                page.Append(CultureInfo.InvariantCulture, $" \\fI{Text(ValueOf(option))}\\fR");
            page.Append('\n').Append(Text(Sentence(option.Description))).Append('\n');
            if (settings.FirstOrDefault(setting => setting.Option == option) is { } known)
                page.Append(CultureInfo.InvariantCulture, $"In the environment \\fB{Text(known.EnvironmentName)}\\fR.\n");
        }
    }

    private static void WriteCommands(StringBuilder page, Command command)
    {
        if (command.Subcommands.Count == 0) return;
        page.Append(".SH COMMANDS\n");
        foreach (var each in command.Subcommands)
        {
            page.Append(".TP\n.B ").Append(Text(each.Name)).Append('\n').Append(Text(Sentence(each.Description)))
                .Append(CultureInfo.InvariantCulture, $"\nSee\n.BR {Text(NameOf(each))} (1).\n");
        }
    }

    private static void WriteFiles(StringBuilder page, string section)
    {
        page.Append(".SH FILES\n");
        page.Append("Options that have a name in the environment may also stand in configuration files, without the dashes, in\n");
        page.Append("the section\n").Append(CultureInfo.InvariantCulture, $".BR [{Text(section)}] .\n");
        page.Append("The command line beats the environment, which beats files; of files a later one wins:\n");
        foreach (var path in new[] { "/etc/piwheels.conf", "/usr/local/etc/piwheels.conf", "~/.config/piwheels/piwheels.conf" })
            page.Append(".TP\n.I ").Append(Text(path)).Append('\n');
    }

    private static void WriteEnd(StringBuilder page, Command command)
    {
        page.Append(".SH EXIT STATUS\n");
        page.Append(".TP\n.B 0\nDone.\n");
        page.Append(".TP\n.B 1\nFailed, with one line on standard error.\n");
        page.Append(".TP\n.B 2\nWrong usage, or the user said no.\n");
        var parent = command.Parents.OfType<Command>().FirstOrDefault();
        if (parent is not null) page.Append(CultureInfo.InvariantCulture, $".SH SEE ALSO\n.BR {Text(NameOf(parent))} (1)\n");
    }

    private static string ValueOf(Option option) => option.HelpName ?? option.Name.TrimStart('-').ToUpperInvariant();

    private static string Small(string? sentence) =>
        string.IsNullOrEmpty(sentence) ? "" : char.ToLowerInvariant(sentence[0]) + sentence[1..].TrimEnd('.');

    private static string Sentence(string? text) =>
        string.IsNullOrEmpty(text) ? "" : text.EndsWith('.') || text.EndsWith('?') ? text : text + ".";

    /// <summary>Text as text: nothing in it is a request, an escape or a hyphen that breaks (groff_char(7)).</summary>
    private static string Text(string text)
    {
        var safe = text.ReplaceLineEndings(" ").Replace("\\", "\\e", StringComparison.Ordinal)
            .Replace("-", "\\-", StringComparison.Ordinal).Replace("~", "\\(ti", StringComparison.Ordinal)
            .Replace("^", "\\(ha", StringComparison.Ordinal).Replace("'", "\\(aq", StringComparison.Ordinal)
            .Replace("`", "\\(ga", StringComparison.Ordinal);
        return safe.StartsWith('.') ? "\\&" + safe : safe;
    }
}
