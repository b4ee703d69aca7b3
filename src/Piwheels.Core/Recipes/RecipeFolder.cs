using System.Text;

namespace Piwheels.Core.Recipes;

/// <summary>The folder of recipes: its files <c>*.conf</c>, in the order of their names, and the patches beside them.</summary>
public static class RecipeFolder
{
    public const string Pattern = "*.conf";

    public const int FilesMax = 1_000;

    public const int FileBytesMax = 1 << 20;

    /// <summary>Debian packages of all recipes together: slaves are asked about them in one message.</summary>
    public const int AptPackagesMax = 5_000;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads all.</summary>
    /// <exception cref="RecipeException">There is no such folder, a file cannot be read, or is none of recipes.</exception>
    public static RecipeBook Read(string folder)
    {
        var patches = new Dictionary<string, RecipePatch>(StringComparer.Ordinal);
        var files = FilesIn(folder);
        var book = new RecipeBook(
            files.SelectMany(file => RecipeFile.Read(Path.GetFileName(file), ReadText(file, FileBytesMax), ReadPatch)));
        return book.AptPackages.Count <= AptPackagesMax
            ? book
            : throw new RecipeException($"{folder}: its recipes ask for more than {AptPackagesMax} apt packages");

        RecipePatch ReadPatch(string name)
        {
            if (!patches.TryGetValue(name, out var patch))
                patches.Add(name, patch = new RecipePatch(name, ReadText(Path.Combine(folder, name), RecipePatch.LengthMax)));
            return patch;
        }
    }

    /// <summary>
    /// A text that is another one when something in the folder has changed: names, sizes and times of its files.
    /// </summary>
    /// <exception cref="RecipeException">There is no such folder.</exception>
    public static string Fingerprint(string folder)
    {
        try
        {
            var files = new DirectoryInfo(folder).EnumerateFiles().OrderBy(static file => file.Name, StringComparer.Ordinal);
            return string.Join('\n', files.Select(
                static file => $"{file.Name}/{(file.Exists ? file.Length : -1)}/{file.LastWriteTimeUtc.Ticks}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{folder}: {e.Message}", e);
        }
    }

    private static List<string> FilesIn(string folder)
    {
        try
        {
            var files = Directory.EnumerateFiles(folder, Pattern).Take(FilesMax + 1).ToList();
            if (files.Count > FilesMax) throw new RecipeException($"{folder}: more than {FilesMax} files of recipes");
            files.Sort(StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{folder}: {e.Message}", e);
        }
    }

    private static string ReadText(string path, int bytesMax)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length > bytesMax) throw new RecipeException($"{Path.GetFileName(path)}: larger than {bytesMax} bytes");
            using var reader = new StreamReader(file, Strict);
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new RecipeException($"{Path.GetFileName(path)}: {e.Message}", e);
        }
    }
}
