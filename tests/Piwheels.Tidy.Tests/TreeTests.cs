using System.Text.RegularExpressions;
using Xunit;

namespace Piwheels.Tidy.Tests;

/// <summary>The tree reads like the way of a package, and its parts know no more of each other than they should.</summary>
public sealed partial class TreeTests
{
    private const int LinesMax = 500;

    [Fact]
    public void The_master_has_a_folder_for_each_stage_and_no_other()
    {
        var folders = Directory.EnumerateDirectories(Repository.PathOf("src", "Piwheels.Master"))
            .Select(Path.GetFileName).Where(name => name is not ("bin" or "obj")).Order();
        Assert.Equal(Repository.Stages.Order(), folders!);
    }

    [Fact]
    public void The_architecture_has_a_chapter_for_each_stage_in_their_order()
    {
        var text = Repository.Read("docs", "ARCHITECTURE.md");
        var chapters = Chapter().Matches(text).Select(match => match.Groups[1].Value)
            .Where(Repository.Stages.Contains).ToList();
        Assert.Equal(Repository.Stages, chapters);
    }

    [Fact]
    public void Within_the_master_a_stage_names_no_other_stages_types_but_the_clients()
    {
        var faults = new List<string>();
        foreach (var stage in Repository.Stages)
        {
            foreach (var file in FilesOf(stage))
            {
                // Comments may say who does what
                var text = string.Join('\n', File.ReadLines(file).Where(
                    line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)));
                faults.AddRange(
                    from other in Repository.Stages
                    where other != stage && text.Contains($"Piwheels.Master.{other};", StringComparison.Ordinal)
                    from type in FilesOf(other).SelectMany(TypesIn)
                    where !IsOfClient(type) && Regex.IsMatch(text, $@"(?<![\w.]){Regex.Escape(type)}\b")
                    select $"{Path.GetFileName(file)} of {stage} uses {type} of {other}");
            }
        }

        Assert.Empty(faults);
    }

    [Theory]
    [InlineData("Core", "")]
    [InlineData("Messaging", "Core")]
    [InlineData("Storage", "Core")]
    [InlineData("Slave", "Core Messaging")]
    [InlineData("Web", "Core Messaging Pages")]
    [InlineData("Logger", "Core Messaging")]
    [InlineData("Master", "Core Messaging Pages Storage")]
    public void A_project_knows_only_those_below_it(string project, string allowed)
    {
        var text = Repository.Read("src", $"Piwheels.{project}", $"Piwheels.{project}.csproj");
        var known = ProjectUse().Matches(text).Select(match => match.Groups[1].Value).Order();
        Assert.Equal(allowed.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(), known);
    }

    [Fact]
    public void No_file_of_code_holds_two_things()
    {
        var tooLong = Repository.Files(".cs").Where(IsProgram)
            .Where(path => File.ReadLines(Repository.PathOf(path)).Count() > LinesMax);
        Assert.Empty(tooLong);
    }

    [Fact]
    public void Nothing_is_left_to_be_done_later()
    {
        var marks = Repository.Files(".cs", ".sql", ".cshtml", ".js", ".css", ".py", ".md", "")
            .Where(path => !path.EndsWith("TreeTests.cs", StringComparison.Ordinal))
            .Where(path => Unfinished().IsMatch(Repository.Read(path)));
        Assert.Empty(marks);
    }

    [Fact]
    public void Types_are_named_by_what_they_are()
    {
        var vague = Repository.Files(".cs").Where(IsProgram)
            .SelectMany(path => VagueType().Matches(Repository.Read(path)).Select(match => $"{path}: {match.Groups[1].Value}"));
        Assert.Empty(vague);
    }

    [Fact]
    public void Links_in_the_documents_lead_somewhere()
    {
        var broken = new List<string>();
        foreach (var path in Repository.Files(".md"))
        {
            foreach (Match link in Link().Matches(Repository.Read(path)))
            {
                var target = link.Groups[1].Value.Split('#')[0];
                if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal)) continue;
                var full = Path.Combine(Path.GetDirectoryName(Repository.PathOf(path))!, target);
                if (!Path.Exists(full)) broken.Add($"{path}: {target}");
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void Versions_of_packages_stand_in_one_place()
    {
        var own = Repository.Files(".csproj").Where(path => PackageVersion().IsMatch(Repository.Read(path)));
        Assert.Empty(own);
    }

    private static bool IsProgram(string path) =>
        path.StartsWith("src/", StringComparison.Ordinal) || path.StartsWith("bench/", StringComparison.Ordinal);

    private static IEnumerable<string> FilesOf(string stage) =>
        Directory.EnumerateFiles(Repository.PathOf("src", "Piwheels.Master", stage), "*.cs", SearchOption.AllDirectories);

    private static IEnumerable<string> TypesIn(string file) =>
        TypeDeclaration().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value);

    // A client, and what is given to it and got from it
    private static bool IsOfClient(string type) => type is "DbClient" or "RecordingClient" or "FsClient" or "TransferOwner" or "VerifyResult";

    [GeneratedRegex(@"^## (?:\d+\. )?(\w+)", RegexOptions.Multiline)]
    private static partial Regex Chapter();

    [GeneratedRegex(@"ProjectReference Include=""[^""]*Piwheels\.(\w+)\.csproj""")]
    private static partial Regex ProjectUse();

    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|X" + @"XX)\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"(?:class|record|struct|interface) (\w+(?:Manager|Helper|Util|Utils|Service))\b")]
    private static partial Regex VagueType();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"<PackageReference[^>]* Version=")]
    private static partial Regex PackageVersion();

    [GeneratedRegex(@"^(?:public|internal)[\w ]* (?:class|record|struct|interface|enum) (\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();
}
