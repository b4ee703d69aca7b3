using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Testing;

namespace Piwheels.Bench.Loading;

/// <summary>The packages of a farm under load: each has one release, and its number in its name.</summary>
internal static class LoadRelease
{
    public const string Version = "1.0";
    private const string Prefix = "load-";

    public static Release At(int number) => new(
        PackageName.Parse(Prefix + number.ToString("D6", CultureInfo.InvariantCulture)), Version);

    public static int NumberOf(Release release) =>
        int.Parse(release.Package.Value.AsSpan(Prefix.Length), CultureInfo.InvariantCulture);
}

/// <summary>A valid wheel for one target, and what its slave says of it.</summary>
internal sealed record LoadWheel(byte[] Content, FileState File)
{
    private const int FillerSeed = 1;

    /// <param name="bytes">About how large it shall be; all of one wish have the same size.</param>
    public static LoadWheel Make(int number, Target target, int bytes)
    {
        var filler = new byte[bytes];
        new Random(FillerSeed).NextBytes(filler);
        return Make(number, target, filler);
    }

    /// <summary>Many of them: the same filler in all.</summary>
    public static LoadWheel[] MakeAll(int count, Target target, int bytes)
    {
        var filler = new byte[bytes];
        new Random(FillerSeed).NextBytes(filler);
        var wheels = new LoadWheel[count];
        Parallel.For(0, count, number => wheels[number] = Make(number, target, filler));
        return wheels;
    }

    private static LoadWheel Make(int number, Target target, byte[] filler)
    {
        var name = LoadRelease.At(number).Package.Value.Replace('-', '_');
        var wheel = new WheelMaker(name, LoadRelease.Version, $"{target.Abi}-{target.Abi}-{target.Platform}")
            .With($"{name}/filler.bin", filler);
        var content = wheel.ToBytes(CompressionLevel.NoCompression);
        return new LoadWheel(content, new FileState(
            wheel.FileName, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)), name, LoadRelease.Version,
            target.Abi, target.Abi, target.Platform, null, FileState.NoDependencies));
    }
}
