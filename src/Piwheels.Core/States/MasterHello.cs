namespace Piwheels.Core.States;

/// <summary>How the master introduces itself to a monitor.</summary>
public sealed record MasterHello(
    DateTimeOffset Started,
    string Label,
    string OsName,
    string OsVersion,
    string BoardRevision,
    string BoardSerial);
