using Piwheels.Core.Packaging;

namespace Piwheels.Master.Transfers;

/// <summary>
/// A wheel that was verified and is not published: with its METADATA in a folder of its own, until its build is recorded.
/// It is still there after the master was killed, and the database then says what becomes of it.
/// </summary>
/// <param name="Folder">Its path.</param>
/// <param name="Hash">SHA-256 in lower case; null where nobody has looked since the master started.</param>
internal sealed record HeldFile(string Folder, WheelFileName Name, PackageName Package, string? Hash)
{
    public string WheelPath => Path.Combine(Folder, Name.FileName);

    public string MetadataPath => WheelPath + OutputFolder.MetadataExtension;

    public void Delete()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }
}
