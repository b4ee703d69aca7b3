using System.Buffers;

namespace Piwheels.Master.Publishing;

/// <summary>How pages too large for memory are written: piece by piece, by way of one buffer.</summary>
internal static class OutputBuffer
{
    /// <summary>Writes what the buffer holds, which is empty then.</summary>
    internal static void MoveTo(this ArrayBufferWriter<byte> output, Stream stream)
    {
        stream.Write(output.WrittenSpan);
        output.ResetWrittenCount();
    }
}
