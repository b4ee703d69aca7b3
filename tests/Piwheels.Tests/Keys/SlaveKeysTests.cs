using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Xunit;

namespace Piwheels.Tests.Keys;

/// <summary>The list of slaves that may connect, as text.</summary>
public sealed class SlaveKeysTests
{
    private static readonly string One = CurveKeyPair.Generate().PublicKey;
    private static readonly string Two = CurveKeyPair.Generate().PublicKey;

    [Fact]
    public void A_line_is_a_name_and_a_key_and_comments_are_passed_over()
    {
        var list = SlaveKeys.Parse($"# slaves\n\n  pi-1 {One}  \r\n\tpi.2\t{Two} # in the cellar\n#pi-3 nothing\n", "slaves");
        Assert.Equal([("pi-1", One, 3), ("pi.2", Two, 4)], list.All.Select(slave => (slave.Name, slave.Key.Text, slave.Line)));
        Assert.Equal("pi.2", list.NameOf(Two));
        Assert.True(list.Has(One));
        Assert.False(list.Has(CurveKeyPair.Generate().PublicKey));
        Assert.Empty(SlaveKeys.Parse("", "slaves").All);
    }

    [Theory]
    [InlineData("pi-1", "a line is a name and a key")]
    [InlineData("pi-1 KEY more", "a line is a name and a key")]
    [InlineData("KEY", "a line is a name and a key")]
    [InlineData("KEY pi-1", "a name has")]
    [InlineData("-pi KEY", "a name has")]
    [InlineData("p/1 KEY", "a name has")]
    [InlineData("pi-1 0123456789", "is no public key")]
    [InlineData("pi-1 0000000000000000000000000000000000000000", "is no public key")]
    [InlineData("pi-1 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", "is no public key")]
    [InlineData("pi-1 #####################################@##", "is no public key")]
    [InlineData("pi-1 ööööööööööööööööööööööööööööööööööööööö!", "is no public key")]
    public void A_line_that_is_none_is_told_with_its_number(string line, string reason)
    {
        var text = $"a {Two}\n{line.Replace("KEY", One, StringComparison.Ordinal)}\n";
        var fault = Assert.Throws<KeyException>(() => SlaveKeys.Parse(text, "/etc/keys/slaves"));
        Assert.StartsWith("/etc/keys/slaves: line 2: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_bad_line_is_told_and_none_of_what_stands_in_it()
    {
        var secret = CurveKeyPair.Generate().SecretKey;
        var fault = Assert.Throws<KeyException>(
            () => SlaveKeys.Parse($"{secret}\nb {One}\nb {Two}\nc {One}\n{new string('x', 501)}\n", "slaves"));
        Assert.Equal(
            [
                "slaves: line 1: a line is a name and a key, with a blank between them",
                "slaves: line 3: b has a key already, in line 2",
                "slaves: line 4: the key of c is that of line 2",
                "slaves: line 5: it has more than 500 characters",
            ],
            fault.Problems);
        Assert.EndsWith("and 3 more of its lines are wrong", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, string.Join('\n', fault.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_a_limit_to_their_number()
    {
        var lines = Enumerable.Range(0, SlaveKeys.KeysMax + 5)
            .Select(number => $"n{number} {PublicKey.Of([.. BitConverter.GetBytes(number + 1), .. new byte[28]])}");
        var fault = Assert.Throws<KeyException>(() => SlaveKeys.Parse(string.Join('\n', lines), "slaves"));
        Assert.Equal("slaves: line 10001: there are more than 10000 keys", Assert.Single(fault.Problems));
    }

    [Fact]
    public void A_key_as_bytes_and_as_text_is_the_same()
    {
        // The sample of ZeroMQ RFC 32, four times over
        byte[] bytes = [.. Enumerable.Repeat(Convert.FromHexString("864FD26FB559F75B"), 4).SelectMany(part => part)];
        Assert.Equal("HelloWorldHelloWorldHelloWorldHelloWorld", PublicKey.Of(bytes).Text);
        Assert.True(PublicKey.TryParse("HelloWorldHelloWorldHelloWorldHelloWorld", out var key));
        Assert.Equal(PublicKey.Of(bytes), key);
        Assert.Throws<ArgumentException>(() => PublicKey.Of(bytes.AsSpan(1)));
    }
}
