using System.Formats.Cbor;

namespace Piwheels.Messaging.Cbor;

/// <summary>Tags of the wire that RFC 8949 does not name.</summary>
internal static class WireTag
{
    /// <summary>Sixteen bytes that are a UUID (registered with IANA).</summary>
    public const CborTag Uuid = (CborTag)37;

    /// <summary>A list whose order means nothing (registered with IANA).</summary>
    public const CborTag Set = (CborTag)258;

    /// <summary>piwheels' own: <c>[days, seconds, microseconds]</c>.</summary>
    public const CborTag Duration = (CborTag)2001;

    /// <summary>piwheels' own: around null, a message inside another one that has no data.</summary>
    public const CborTag NoData = (CborTag)2002;
}
