using System.Text;
using FsCheck.Xunit;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class PackageListTests
{
    private static HashSet<PackageName> Names(IEnumerable<byte> numbers) =>
        [.. numbers.Select(number => PackageName.Parse($"p{number:x}"))];

    private static List<string> Texts(PackageList list)
    {
        var texts = new List<string>();
        foreach (var name in list) texts.Add(Encoding.UTF8.GetString(name));
        return texts;
    }

    [Property]
    public void A_list_stays_in_order_and_holds_what_was_added_less_what_was_removed(
        byte[] first, byte[] added, byte[] removed)
    {
        var list = PackageList.Empty.With(Names(first), Names([])).With(Names(added), Names(removed));
        var expected = Names(first.Concat(added)).Except(Names(removed)).Select(name => name.Value)
            .Order(StringComparer.Ordinal);
        Assert.Equal(expected, Texts(list));
        Assert.All(Names(removed), name => Assert.False(list.Contains(name)));
    }

    [Fact]
    public void A_list_without_a_change_is_the_same_list()
    {
        var list = PackageList.Empty.With(Names([1, 2]), Names([]));
        Assert.Same(list, list.With(Names([2]), Names([7])));
    }
}
