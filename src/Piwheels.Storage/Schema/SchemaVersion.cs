namespace Piwheels.Storage.Schema;

/// <summary>Which schema this program was made for.</summary>
public static class SchemaVersion
{
    /// <summary>
    /// What <c>configuration.version</c> says: the first release of the program that has this schema. A release
    /// that changes nothing below sql/ leaves it.
    /// </summary>
    public const string Current = "0.2.0";
}
