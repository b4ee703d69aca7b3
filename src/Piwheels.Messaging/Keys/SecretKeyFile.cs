using System.Text;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Keys;

/// <summary>
/// The file of a secret key, of a slave or of a master: comments, and a line with the key as Z85 text. It is its owner's
/// alone, mode 0600: one that others may read or write is not used.
/// </summary>
public static class SecretKeyFile
{
    public const int BytesMax = 4096;

    public const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes a key pair, and writes its secret to a new file.</summary>
    /// <param name="path">Where nothing is yet.</param>
    /// <param name="whose">For the file's comment, e.g. "the slave pi-7".</param>
    /// <exception cref="KeyException">Something is there already, or it cannot be written.</exception>
    public static CurveKeyPair Make(string path, string whose)
    {
        var pair = NewPair();
        var text = $"""
            # The secret key of {whose}. Whoever has it is taken for that: show it to nobody.
            # Its public key is {pair.PublicKey}
            {pair.SecretKey}

            """;
        try
        {
            using var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = Mode,
            });
            file.Write(Encoding.ASCII.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        catch (IOException) when (Path.Exists(path))
        {
            throw new KeyException($"{path} is there already: a key is not overwritten");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyException($"{path} cannot be written: {e.Message}", e);
        }

        return pair;
    }

    /// <summary>Reads a key, and works out its public part.</summary>
    /// <exception cref="KeyException">It is not there, others may read it, or it is no key.</exception>
    public static CurveKeyPair Read(string path)
    {
        var lines = ReadText(path).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(static line => line[0] != '#' || line.Length == PublicKey.TextLength).ToList();
        try
        {
            // Never the text itself, not in part either: it may be a key in the wrong place
            return lines is [{ Length: PublicKey.TextLength } secret] && Ascii.IsValid(secret)
                ? CurveKeyPair.OfSecret(secret)
                : throw new KeyException($"{path} is no file of a secret key");
        }
        catch (ZmqException)
        {
            throw new KeyException($"{path} is no file of a secret key");
        }
    }

    /// <summary>Whether others than its owner may read or write it; it has to be there.</summary>
    public static bool IsOpenToOthers(string path) => IsOpen(File.GetUnixFileMode(path));

    private static bool IsOpen(UnixFileMode mode) => (mode & Others) != UnixFileMode.None;

    private static string ReadText(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (IsOpen(File.GetUnixFileMode(file.SafeFileHandle)))
            {
                throw new KeyException(
                    $"{path} is open to others than its owner, so it may be known to them: 'chmod 600 {path}', or make a new key");
            }

            if (file.Length > BytesMax) throw new KeyException($"{path} is no file of a secret key");
            using var reader = new StreamReader(file, Encoding.Latin1);
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new KeyException($"there is no key in {path}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>
    /// A pair whose public key begins with a letter or a digit: one that begins with - or @ is taken for an option or a
    /// file of them on a command line.
    /// </summary>
    private static CurveKeyPair NewPair()
    {
        while (true)
        {
            var pair = CurveKeyPair.Generate();
            if (char.IsAsciiLetterOrDigit(pair.PublicKey[0])) return pair;
        }
    }
}
