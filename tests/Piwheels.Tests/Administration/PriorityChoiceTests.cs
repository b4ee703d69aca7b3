using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Administration;
using Xunit;

namespace Piwheels.Tests.Administration;

public sealed class PriorityChoiceTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly Target Cp313 = new("cp313", "linux_armv7l");
    private static readonly DateTimeOffset Released = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("foo", "1.9, 1.10, 1.2", "1.10")]
    [InlineData("foo", "1.0, 2.0rc1, 2.0.dev3", "1.0")]
    [InlineData("foo", "2.0rc1, 2.0b1", "2.0rc1")]
    [InlineData("foo>=2.0rc0", "1.0, 2.0rc1", "2.0rc1")]
    [InlineData("foo<2", "1.0, 1.5, 2.0", "1.5")]
    [InlineData("foo==1.*,!=1.5", "1.0, 1.5, 2.0", "1.0")]
    [InlineData("foo", "1.0, 2.0 yanked", "1.0")]
    [InlineData("foo==2", "1.0, 2.0 yanked", "2.0")]
    [InlineData("foo", "1.0, 2.0 built", "1.0")]
    [InlineData("foo", "1.0, 2.0 failed", "1.0")]
    [InlineData("foo", "1.0, 2.0 skipped", "1.0")]
    [InlineData("foo", "1.0, 2.0 half", "2.0")]
    [InlineData("foo", "1.0, 2005-01-01-final", "1.0")]
    [InlineData("Foo[extra]", "1.0", "1.0")]
    public void The_newest_that_waits_of_those_an_installer_would_take(string wanted, string known, string chosen) =>
        Assert.Equal([chosen], Assert.IsType<PriorityChoice.Raise>(Of(wanted, known)).Versions);

    [Theory]
    [InlineData("foo", "1.0, 2.0rc1, 1.5 yanked, 1.2 built, old-one", "2.0rc1, 1.5, 1.0, old-one")]
    [InlineData("foo>1", "1.0, 2.0rc1, 1.5 yanked, 1.2 built, old-one", "2.0rc1, 1.5")]
    public void All_that_wait_are_all_that_the_clauses_let_in(string wanted, string known, string chosen) =>
        Assert.Equal(
            chosen, string.Join(", ", Assert.IsType<PriorityChoice.Raise>(Of(wanted, known, all: true)).Versions));

    [Theory]
    [InlineData("1.0", "1.0")]
    [InlineData("1.0.0", "1.0")]
    [InlineData("v2.0-rc1", "2.0rc1")]
    [InlineData("2.0.dev3", "2.0.dev3")]
    [InlineData("old-one", "old-one")]
    public void A_version_may_be_spelled_as_people_do(string version, string chosen) => Assert.Equal(
        [chosen],
        Assert.IsType<PriorityChoice.Raise>(Of("foo", "1.0, 2.0rc1, 2.0.dev3 yanked, old-one", version)).Versions);

    [Theory]
    [InlineData("foo", null, "1.0 built, 2.0 built")]
    [InlineData("foo", "1.0", "1.0 built, 2.0")]
    [InlineData("foo<2", null, "1.0 built, 2.0")]
    [InlineData("foo", null, "1.0 built, 2.0rc1")]
    public void What_is_built_is_said_to_be_so(string wanted, string? version, string known) =>
        Assert.IsType<PriorityChoice.Built>(Of(wanted, known, version));

    [Theory]
    [InlineData("foo", "3.0", "1.0", "NOVER")]
    [InlineData("foo", "1.0", "1.0 skipped", "foo 1.0 is not built here: broken")]
    [InlineData("foo", null, "1.0 skipped", "foo 1.0 is not built here: broken")]
    [InlineData("foo", "1.0", "1.0 failed", "foo 1.0 was tried and failed for cp311 on linux_armv7l")]
    [InlineData("foo", null, "1.0 built, 2.0 failed", "foo 2.0 was tried and failed for cp311 on linux_armv7l")]
    [InlineData("foo>3", null, "1.0", "no version of foo here satisfies >3")]
    [InlineData("foo", null, "", "foo has no versions here yet")]
    [InlineData("foo", null, "old-one", "no version of foo can be ordered by PEP 440: name one")]
    public void What_cannot_go_first_is_refused_with_the_reason(string wanted, string? version, string known, string reason) =>
        Assert.StartsWith(
            reason, Assert.IsType<PriorityChoice.Refuse>(Of(wanted, known, version)).Reason, StringComparison.Ordinal);

    [Fact]
    public void A_package_that_is_not_built_is_refused_with_its_reason()
    {
        var project = Project("1.0") with { Skip = "no source" };
        var refusal = PriorityChoice.Of(project, Requirement.Parse("foo"), "1.0", false, [Cp311]);
        Assert.Equal(new PriorityChoice.Refuse("foo is not built here: no source"), refusal);
    }

    [Theory]
    [InlineData("foo; sys_platform == 'win32'", false)]
    [InlineData("foo; python_version < '3.11'", false)]
    [InlineData("foo; python_version > '3.11'", true)]
    [InlineData("foo; platform_machine == 'armv7l'", true)]
    public void A_marker_is_asked_of_the_targets(string wanted, bool applies)
    {
        var choice = PriorityChoice.Of(Project("1.0"), Requirement.Parse(wanted), null, false, [Cp311, Cp313]);
        Assert.Equal(applies, choice is PriorityChoice.Raise);
        Assert.Equal(!applies, choice is PriorityChoice.Elsewhere);
    }

    [Fact]
    public void An_unknown_package_is_told_by_the_protocols_word_unless_it_is_for_other_machines()
    {
        PriorityChoice Unknown(string wanted) => PriorityChoice.Of(null, Requirement.Parse(wanted), null, false, [Cp311]);
        Assert.Equal(new PriorityChoice.Refuse("NOPKG"), Unknown("foo"));
        Assert.Equal(new PriorityChoice.Elsewhere(), Unknown("foo; sys_platform == 'win32'"));
    }

    [Fact]
    public void Without_a_target_nothing_is_built()
    {
        var refusal = PriorityChoice.Of(Project("1.0"), Requirement.Parse("foo"), null, false, []);
        Assert.Equal(new PriorityChoice.Refuse("nothing is built here for any ABI"), refusal);
    }

    private static PriorityChoice Of(string wanted, string known, string? version = null, bool all = false) =>
        PriorityChoice.Of(Project(known), Requirement.Parse(wanted), version, all, [Cp311, Cp313]);

    /// <param name="known">Versions, each with how it stands; one that waits has no word.</param>
    private static ProjectData Project(string known) => new(
        Foo, "foo", "", "", [],
        [
            .. known.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(' ')).Select(
                words => new ProjectVersion(
                    words[0], Released, words.Contains("yanked"), words.Contains("skipped") ? "broken" : "", [],
                    TargetsOf(words[^1]))),
        ]);

    private static ProjectTarget[] TargetsOf(string word)
    {
        var (low, high) = word switch
        {
            "built" => (TargetState.Success, TargetState.Success),
            "half" => (TargetState.Success, TargetState.Pending),
            "failed" => (TargetState.Fail, TargetState.Success),
            "skipped" => (TargetState.Skip, TargetState.Skip),
            _ => (TargetState.Pending, TargetState.Pending),
        };
        return
        [
            new(Cp311, low, null), new(Cp313, high, null),
            // Not built for any more: what was there once is nobody's concern
            new(new("cp39", "linux_armv7l"), TargetState.Fail, null),
        ];
    }
}
