using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>A package that has pages.</summary>
/// <param name="Aliases">The other spellings of its name.</param>
/// <param name="Owed">Its pages are to be written: what is there may be of before, or not be there yet.</param>
public sealed record PublishedPackage(PackageName Package, IReadOnlyList<string> Aliases, bool Owed);

/// <summary>A wheel of ours.</summary>
/// <param name="Size">In bytes.</param>
/// <param name="Hash">Its SHA-256, as 64 small hexadecimal digits.</param>
/// <param name="Location">The URL path of the folder that has the package's folder.</param>
public sealed record PublishedWheel(PackageName Package, string Filename, long Size, string Hash, string Location);
