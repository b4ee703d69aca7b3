using System.Globalization;
using System.Text;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Keys;

/// <summary>
/// The folder with a master's keys: <c>master.key</c>, its own secret one, and <c>slaves</c>, the list of those who may
/// connect.
/// </summary>
public sealed class KeyFolder
{
    public const int ListBytesMax = 1 << 20;

    private const UnixFileMode NewListMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const string Heading = "# Slaves that may connect, a line each: a name, and the slave's public key\n";

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public KeyFolder(string path) => Path = System.IO.Path.GetFullPath(path);

    public string Path { get; }

    public string MasterKeyPath => Below("master.key");

    public string ListPath => Below("slaves");

    // Made for an edit, and takes the list's place at its end; while it is there, nobody else edits
    private string NewListPath => Below("slaves.new");

    /// <summary>The master's keys, which are made where there are none.</summary>
    /// <exception cref="KeyException">They cannot be read or made.</exception>
    public CurveKeyPair OpenMaster()
    {
        MakeFolder();
        return File.Exists(MasterKeyPath) ? SecretKeyFile.Read(MasterKeyPath) : SecretKeyFile.Make(MasterKeyPath, "a master");
    }

    /// <summary>The master's public key; null where there is none, or it may not be read by this user.</summary>
    public string? MasterPublicKey
    {
        get
        {
            try
            {
                return SecretKeyFile.Read(MasterKeyPath).PublicKey;
            }
            catch (KeyException)
            {
                return null;
            }
        }
    }

    /// <summary>The list; where there is none, an empty one is put there.</summary>
    /// <exception cref="KeyException">It cannot be read or made, or something is wrong with it.</exception>
    public SlaveKeys OpenList()
    {
        MakeFolder();
        if (!File.Exists(ListPath)) Edit(static lines => lines);
        return ReadList();
    }

    /// <summary>The list as it is; it has to be there.</summary>
    /// <exception cref="KeyException">It cannot be read, or something is wrong with it.</exception>
    public SlaveKeys ReadList() => SlaveKeys.Parse(ReadText(), ListPath);

    /// <summary>A text that is another one when the list has changed: its size and time.</summary>
    public string Fingerprint()
    {
        try
        {
            var file = new FileInfo(ListPath);
            return file.Exists
                ? string.Create(CultureInfo.InvariantCulture, $"{file.Length}/{file.LastWriteTimeUtc.Ticks}/{file.UnixFileMode}")
                : "none";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>Enters a slave; false when it is there already, with this very key.</summary>
    /// <exception cref="KeyException">Its name or its key is another's, or the list is wrong or cannot be written.</exception>
    public bool Add(string name, PublicKey key)
    {
        MakeFolder();
        var added = false;
        Edit(lines =>
        {
            var known = SlaveKeys.Parse(string.Join('\n', lines), ListPath);
            if (known.Find(name) is { } same && same.Key == key) return lines;
            if (known.Find(name) is not null)
                throw new KeyException($"{name} is there with another key: revoke that first");
            if (known.NameOf(key.Text) is { } other) throw new KeyException($"this is the key of {other}");
            added = true;
            return [.. lines, $"{name} {key}"];
        });
        return added;
    }

    /// <summary>Takes a slave off; false when it is not there.</summary>
    /// <exception cref="KeyException">The list is wrong or cannot be written.</exception>
    public bool Revoke(string name)
    {
        if (!File.Exists(ListPath)) return false;
        var found = false;
        Edit(lines =>
        {
            if (SlaveKeys.Parse(string.Join('\n', lines), ListPath).Find(name) is not { } slave) return lines;
            found = true;
            return [.. lines.Where((_, index) => index != slave.Line - 1)];
        });
        return found;
    }

    private void Edit(Func<IReadOnlyList<string>, IReadOnlyList<string>> change)
    {
        try
        {
            using var file = new FileStream(NewListPath, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = NewListMode,
            });
            try
            {
                var text = File.Exists(ListPath) ? ReadText() : Heading;
                var lines = change(text.TrimEnd('\n').Split('\n'));
                file.Write(Strict.GetBytes(string.Join('\n', lines) + "\n"));
                file.Flush(flushToDisk: true);
                File.Move(NewListPath, ListPath, overwrite: true);
            }
            catch
            {
                File.Delete(NewListPath);
                throw;
            }
        }
        catch (IOException e) when (File.Exists(NewListPath))
        {
            throw new KeyException(
                $"somebody else is changing {ListPath}; if nobody is, an edit was broken off: remove {NewListPath}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyException($"{ListPath} cannot be written: {e.Message}", e);
        }
    }

    private string ReadText()
    {
        try
        {
            using var file = new FileStream(ListPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if ((File.GetUnixFileMode(file.SafeFileHandle) & UnixFileMode.OtherWrite) != UnixFileMode.None)
                throw new KeyException($"{ListPath} may be written by anybody: 'chmod o-w {ListPath}'");
            if (file.Length > ListBytesMax) throw new KeyException($"{ListPath} is larger than {ListBytesMax} bytes");
            using var reader = new StreamReader(file, Strict, detectEncodingFromByteOrderMarks: false);
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new KeyException($"{ListPath} cannot be read: {e.Message}", e);
        }
    }

    private void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyException($"{Path} is no folder for keys: {e.Message}", e);
        }
    }

    private string Below(string name) => System.IO.Path.Combine(Path, name);
}
