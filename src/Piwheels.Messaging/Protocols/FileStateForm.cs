namespace Piwheels.Messaging.Protocols;

/// <summary>How a peer writes file states: peers before 0.22 know no location.</summary>
public enum FileStateForm
{
    /// <summary>Eleven fields, the location last.</summary>
    WithLocation,

    /// <summary>Ten fields; the location is <c>/simple</c>.</summary>
    WithoutLocation,
}
