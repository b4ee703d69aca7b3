using System.Text.Encodings.Web;
using System.Text.Unicode;
using RazorSlices;

namespace Piwheels.Master.Publishing;

/// <summary>Renders templates to UTF-8.</summary>
internal static class Rendered
{
    // Escapes what markup could be made of, and leaves the letters of all scripts readable
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    internal static async Task<ReadOnlyMemory<byte>> RenderAsync(RazorSlice template)
    {
        using (template)
        {
            var stream = new MemoryStream();
            await template.RenderAsync(stream, Encoder);
            return stream.GetBuffer().AsMemory(0, (int)stream.Length);
        }
    }
}
