using System.Text;

namespace Piwheels.Bench.Serving;

/// <summary>The files that are served: a package of 200 files with its page in both forms, and one wheel of 5 MB.</summary>
internal static class ServedFiles
{
    public const string WheelPath = "/simple/sample/sample-1.0-cp311-cp311-linux_armv7l.whl";

    private const int Files = 200;
    private const int WheelBytes = 5_000_000;

    /// <summary>Writes them, and answers the folder to be served.</summary>
    public static async Task<string> MakeAsync(string folder, CancellationToken cancel)
    {
        var site = Path.Combine(folder, "site");
        var package = Directory.CreateDirectory(Path.Combine(site, "simple", "sample")).FullName;
        var html = new StringBuilder("<!DOCTYPE html>\n<html><body>\n");
        var json = new StringBuilder("{\"name\":\"sample\",\"files\":[");
        for (var number = 0; number < Files; number++)
        {
            var file = $"sample-1.{number}-cp311-cp311-linux_armv7l.whl";
            var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(file)));
            html.Append(null, $"<a href=\"{file}#sha256={hash}\" data-requires-python=\"&gt;=3.8\">{file}</a><br>\n");
            if (number > 0) json.Append(',');
            json.Append(null, $"{{\"filename\":\"{file}\",\"url\":\"{file}\",");
            json.Append(null, $"\"hashes\":{{\"sha256\":\"{hash}\"}}}}");
        }

        await File.WriteAllTextAsync(Path.Combine(package, "index.html"), html.Append("</body></html>\n").ToString(), cancel);
        await File.WriteAllTextAsync(Path.Combine(package, "index.v1_json"), json.Append("]}").ToString(), cancel);
        var wheel = new byte[WheelBytes];
        new Random(1).NextBytes(wheel);
        await File.WriteAllBytesAsync(site + WheelPath, wheel, cancel);
        return site;
    }
}
