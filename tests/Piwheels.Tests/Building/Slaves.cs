using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Tests.Building;

/// <summary>What slaves say in tests.</summary>
internal static class Slaves
{
    public static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    public static readonly Release Numpy = new(PackageName.Parse("numpy"), "2.1.0");
    public const string NumpyWheel = "numpy-2.1.0-cp311-cp311-linux_armv7l.whl";

    public static readonly SlaveHello Hello = new(
        TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "pi-1", "Raspbian GNU/Linux",
        "12 (bookworm)", "c03111", "10000000d1ce5a7e");

    public static readonly SlaveStats Stats = new(Start, 32, 16, 8, 4, 2, 1, 0.5, 48.3);

    public static PeerAddress Address(int number) => new(BitConverter.GetBytes(number));

    /// <summary>What a slave claims of a wheel of this name; the tags are those of the name.</summary>
    public static FileState File(string filename, long size = 1000)
    {
        var parts = filename[..^".whl".Length].Split('-');
        return new FileState(
            filename, size, new string('a', 64), parts[0], parts[1], parts[^3], parts[^2], parts[^1], ">=3.9",
            new Dictionary<string, IReadOnlyList<string>> { ["apt"] = ["libopenblas0"], ["pip"] = ["six"], [""] = [] });
    }

    /// <summary>What an honest slave says of a wheel on its disk.</summary>
    public static FileState FileOf(string path)
    {
        var content = System.IO.File.ReadAllBytes(path);
        return File(Path.GetFileName(path), content.Length) with
        {
            FileHash = Convert.ToHexStringLower(SHA256.HashData(content)),
        };
    }

    public static SlaveRequest.Built Built(params FileState[] files) =>
        new(Status: true, TimeSpan.FromSeconds(93), "Successfully built\n", files);

    public static SlaveRequest.Built Failed(string log = "error: gcc failed\n") =>
        new(Status: false, TimeSpan.FromSeconds(7), log, []);
}
