using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Keys;

/// <summary>Secret keys, and the master's folder, on the disk.</summary>
public sealed class KeyFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static PublicKey NewKey()
    {
        Assert.True(PublicKey.TryParse(CurveKeyPair.Generate().PublicKey, out var key));
        return key;
    }

    [Fact]
    public void A_secret_key_is_its_owners_alone_and_is_not_overwritten()
    {
        var path = _folder["slave.key"];
        var pair = SecretKeyFile.Make(path, "the slave pi-1");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(pair, SecretKeyFile.Read(path));
        var before = File.ReadAllText(path);
        var fault = Assert.Throws<KeyException>(() => SecretKeyFile.Make(path, "another"));
        Assert.Contains("is there already", fault.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(path));
    }

    [Fact]
    public void A_public_key_is_no_option_of_a_command_line()
    {
        var pairs = Enumerable.Range(0, 40).Select(number => SecretKeyFile.Make(_folder[$"{number}.key"], "a slave"));
        Assert.All(pairs, pair => Assert.True(char.IsAsciiLetterOrDigit(pair.PublicKey[0])));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_secret_key_that_others_may_open_is_not_used(UnixFileMode more)
    {
        var path = _folder["slave.key"];
        var pair = SecretKeyFile.Make(path, "the slave pi-1");
        File.SetUnixFileMode(path, SecretKeyFile.Mode | more);
        var fault = Assert.Throws<KeyException>(() => SecretKeyFile.Read(path));
        Assert.Contains($"chmod 600 {path}", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(pair.SecretKey, fault.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("too short\n")]
    [InlineData("~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n")]
    [InlineData("HelloWorldHelloWorldHelloWorldHelloWorld\nHelloWorldHelloWorldHelloWorldHelloWorld\n")]
    public void What_is_no_key_is_refused_and_not_told(string content)
    {
        var path = _folder["slave.key"];
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, SecretKeyFile.Mode);
        var fault = Assert.Throws<KeyException>(() => SecretKeyFile.Read(path));
        Assert.Equal($"{path} is no file of a secret key", fault.Message);
    }

    [Fact]
    public void A_key_that_is_not_there_or_too_large_is_told_so()
    {
        Assert.Contains("there is no key in", Assert.Throws<KeyException>(() => SecretKeyFile.Read(_folder["none"])).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder["large"], new string('#', SecretKeyFile.BytesMax + 1));
        File.SetUnixFileMode(_folder["large"], SecretKeyFile.Mode);
        Assert.Throws<KeyException>(() => SecretKeyFile.Read(_folder["large"]));
        Assert.Throws<KeyException>(() => SecretKeyFile.Make(_folder["no/folder"], "a slave"));
    }

    [Fact]
    public void The_masters_key_is_made_once()
    {
        var folder = new KeyFolder(_folder["keys"]);
        var made = folder.OpenMaster();
        Assert.Equal(made, new KeyFolder(_folder["keys"]).OpenMaster());
        Assert.Empty(folder.OpenList().All);
        Assert.Equal(made.PublicKey, folder.MasterPublicKey);
        File.SetUnixFileMode(folder.MasterKeyPath, SecretKeyFile.Mode | UnixFileMode.OtherRead);
        Assert.Throws<KeyException>(folder.OpenMaster);
        Assert.Null(folder.MasterPublicKey);
    }

    [Fact]
    public void An_edit_of_the_list_leaves_the_rest_as_it_was_written()
    {
        var folder = new KeyFolder(_folder["keys"]);
        var (one, two, three) = (NewKey(), NewKey(), NewKey());
        Assert.True(folder.Add("one", one));
        File.AppendAllText(folder.ListPath, $"# by hand\n  two   {two} # cellar");
        Assert.True(folder.Add("three", three));
        Assert.False(folder.Add("two", two));
        Assert.Contains("one is there with another key", Assert.Throws<KeyException>(() => folder.Add("one", NewKey())).Message, StringComparison.Ordinal);
        Assert.Contains("this is the key of two", Assert.Throws<KeyException>(() => folder.Add("four", two)).Message, StringComparison.Ordinal);

        Assert.True(folder.Revoke("one"));
        Assert.False(folder.Revoke("one"));
        Assert.EndsWith($"\n# by hand\n  two   {two} # cellar\nthree {three}\n", File.ReadAllText(folder.ListPath), StringComparison.Ordinal);
        Assert.Equal(["two", "three"], folder.ReadList().All.Select(slave => slave.Name));
        Assert.Equal(["slaves"], Directory.EnumerateFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_list_that_is_wrong_is_not_edited()
    {
        var folder = new KeyFolder(_folder["keys"]);
        folder.Add("one", NewKey());
        File.AppendAllText(folder.ListPath, "nonsense\n");
        var before = File.ReadAllText(folder.ListPath);
        Assert.Throws<KeyException>(() => folder.Add("two", NewKey()));
        Assert.Throws<KeyException>(() => folder.Revoke("one"));
        Assert.Equal(before, File.ReadAllText(folder.ListPath));
        File.WriteAllBytes(folder.ListPath, [0xff, 0xfe]);
        Assert.Throws<KeyException>(folder.ReadList);
        File.WriteAllText(folder.ListPath, new string('#', KeyFolder.ListBytesMax + 1));
        Assert.Contains("larger", Assert.Throws<KeyException>(folder.ReadList).Message, StringComparison.Ordinal);
        File.WriteAllText(folder.ListPath, "");
        File.SetUnixFileMode(folder.ListPath, File.GetUnixFileMode(folder.ListPath) | UnixFileMode.OtherWrite);
        Assert.Contains("chmod o-w", Assert.Throws<KeyException>(folder.ReadList).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_two_edits_at_once_the_second_is_refused()
    {
        var folder = new KeyFolder(_folder["keys"]);
        folder.Add("one", NewKey());
        File.WriteAllText(folder.ListPath + ".new", "");
        Assert.Contains("somebody else is changing", Assert.Throws<KeyException>(() => folder.Add("two", NewKey())).Message, StringComparison.Ordinal);
        Assert.Equal("one", Assert.Single(folder.ReadList().All).Name);
    }
}
