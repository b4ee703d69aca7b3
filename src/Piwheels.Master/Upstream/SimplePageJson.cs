using System.Text.Json;

namespace Piwheels.Master.Upstream;

/// <summary>Reads a project's page of the simple index in JSON (PEP 691, 700, 714).</summary>
internal static class SimplePageJson
{
    /// <summary>The most files of a page: the largest projects on PyPI have some 60,000.</summary>
    private const int FilesMax = 250_000;

    private const int VersionsMax = 250_000;

    /// <exception cref="JsonException">It is no JSON.</exception>
    internal static async Task<Fetched<IndexPage>> ReadAsync(IndexResponse response, CancellationToken ct)
    {
        var json = await JsonFlow.OpenAsync(response.Body, ct).ConfigureAwait(false);
        if (!await json.EntersObjectAsync().ConfigureAwait(false))
            return new Fetched<IndexPage>.Unusable("it is no page of an index");
        string? apiVersion = null;
        List<string>? versions = null;
        List<IndexFile>? files = null;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } name)
        {
            switch (name)
            {
                case "meta": apiVersion = await ReadVersionAsync(json).ConfigureAwait(false); break;
                case "versions": versions = await ReadTextsAsync(json, VersionsMax).ConfigureAwait(false); break;
                case "files": files = await ReadFilesAsync(json, response.Uri).ConfigureAwait(false); break;
                default: await json.SkipAsync().ConfigureAwait(false); break;
            }
        }

        await json.EndAsync().ConfigureAwait(false);
        if (SimpleClient.UnknownVersion(apiVersion) is { } unknown) return unknown;
        return files is null
            ? new Fetched<IndexPage>.Unusable("it lists no files")
            : new Fetched<IndexPage>.Found(new IndexPage(files, versions, response.Validators));
    }

    /// <summary>The texts of an array; null where there is none.</summary>
    /// <param name="most">What goes on after so many is no page of any use.</param>
    internal static async Task<List<string>?> ReadTextsAsync(JsonFlow json, int most)
    {
        if (!await json.EntersArrayAsync().ConfigureAwait(false)) return null;
        var texts = new List<string>();
        while (await json.ElementAsync().ConfigureAwait(false))
        {
            if (await json.TextAsync().ConfigureAwait(false) is not { } text) continue;
            if (texts.Count == most) throw new JsonException($"it has a list of more than {most:N0} texts");
            texts.Add(text);
        }

        return texts;
    }

    internal static async Task<string?> ReadVersionAsync(JsonFlow json)
    {
        string? version = null;
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return version;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } name)
        {
            if (name == "api-version") version = await json.TextAsync().ConfigureAwait(false);
            else await json.SkipAsync().ConfigureAwait(false);
        }

        return version;
    }

    private static async Task<List<IndexFile>?> ReadFilesAsync(JsonFlow json, Uri page)
    {
        if (!await json.EntersArrayAsync().ConfigureAwait(false)) return null;
        var files = new List<IndexFile>();
        while (await json.ElementAsync().ConfigureAwait(false))
        {
            if (!await json.EntersObjectAsync().ConfigureAwait(false)) continue;
            if (await ReadFileAsync(json, page).ConfigureAwait(false) is not { } file) continue;
            if (files.Count == FilesMax) throw new JsonException($"it lists more than {FilesMax:N0} files");
            files.Add(file);
        }

        return files;
    }

    /// <summary>Reads the object that was entered; null when it is no file that could be had.</summary>
    private static async Task<IndexFile?> ReadFileAsync(JsonFlow json, Uri page)
    {
        string? filename = null, link = null, sha256 = null, python = null, uploaded = null;
        var (yanked, metadata) = (false, false);
        long? size = null;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } name)
        {
            switch (name)
            {
                case "filename": filename = await json.TextAsync().ConfigureAwait(false); break;
                case "url": link = await json.TextAsync().ConfigureAwait(false); break;
                case "hashes": sha256 = await ReadSha256Async(json).ConfigureAwait(false); break;
                case "requires-python": python = await json.TextAsync().ConfigureAwait(false); break;
                case "size": size = await json.NumberAsync().ConfigureAwait(false); break;
                case "upload-time": uploaded = await json.TextAsync().ConfigureAwait(false); break;
                // True, or why (PEP 592)
                case "yanked":
                    yanked = json.IsTrue || await json.TextAsync().ConfigureAwait(false) is { Length: > 0 };
                    break;
                // True, or its hashes (PEP 714: the second name is the older one)
                case "core-metadata" or "dist-info-metadata":
                    metadata |= await SaysAsync(json).ConfigureAwait(false);
                    break;
                default: await json.SkipAsync().ConfigureAwait(false); break;
            }
        }

        if (string.IsNullOrEmpty(filename) || !SimpleClient.TryResolve(page, link, out var url)) return null;
        return new IndexFile(
            filename,
            url,
            SimpleClient.Sha256Of(sha256),
            SimpleClient.NullWhenEmpty(python),
            yanked,
            metadata && !SimpleClient.IsLessSafe(url, page),
            IndexAddress.TimeOf(uploaded),
            size is >= 0 ? size : null);
    }

    private static async Task<string?> ReadSha256Async(JsonFlow json)
    {
        string? sha256 = null;
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return sha256;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } name)
        {
            if (name == "sha256") sha256 = await json.TextAsync().ConfigureAwait(false);
            else await json.SkipAsync().ConfigureAwait(false);
        }

        return sha256;
    }

    private static async Task<bool> SaysAsync(JsonFlow json)
    {
        if (json.IsTrue) return true;
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return false;
        while (await json.PropertyAsync().ConfigureAwait(false) is not null)
            await json.SkipAsync().ConfigureAwait(false);
        return true;
    }
}
