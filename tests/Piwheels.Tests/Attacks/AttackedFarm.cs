using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>
/// A farm with an honest slave that is building numpy, while somebody attacks. However that goes, <see
/// cref="EndAsync"/> has the honest build go through, and finds that nothing else is left of the attack.
/// </summary>
internal sealed class AttackedFarm : IAsyncDisposable
{
    /// <summary>What an attacker is given to build.</summary>
    public static readonly Release Scipy = new(PackageName.Parse("scipy"), "1.0");

    public const string ScipyWheel = "scipy-1.0-cp311-cp311-linux_armv7l.whl";

    public const int HonestId = 1;

    private readonly FarmBench _bench;
    private readonly SlavePeer _honest;

    private AttackedFarm(FarmBench bench, SlavePeer honest) => (_bench, _honest) = (bench, honest);

    public FarmBench Bench => _bench;

    /// <summary>The honest slave's wheel.</summary>
    public (string Path, FileState State) Wheel { get; private set; }

    public static async Task<AttackedFarm> StartAsync()
    {
        var bench = await FarmBench.StartAsync();
        await bench.Database.AddNewPackageAsync(Scipy.Package);
        await bench.Database.AddNewPackageVersionAsync(Scipy);
        await bench.PushAsync(Slaves.Numpy, Scipy);
        var honest = bench.Slave();
        honest.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello));
        var build = honest.AssertReply<SlaveReply.Build>(new SlaveRequest.Idle(Slaves.Stats));
        Assert.Equal(Slaves.Numpy, build.Release);
        var maker = new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l").With("numpy/data.bin", new byte[400_000]);
        return new AttackedFarm(bench, honest) { Wheel = bench.Wheel(maker) };
    }

    /// <summary>Somebody on the slave queue, who may speak out of turn.</summary>
    public SlavePeer Stranger() => _bench.Slave(dealer: true);

    /// <summary>An attacker who was given scipy to build, as any slave would be.</summary>
    public SlavePeer Builder()
    {
        var slave = Stranger();
        slave.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello));
        Assert.Equal(
            Scipy, slave.AssertReply<SlaveReply.Build>(new SlaveRequest.Idle(Slaves.Stats)).Release);
        return slave;
    }

    /// <summary>Somebody on the file queue.</summary>
    public ZmqSocket Sender()
    {
        var sender = _bench.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new SocketOptions { Linger = TimeSpan.Zero });
        sender.Connect(_bench.FileAddress);
        return sender;
    }

    public static bool Say(ZmqSocket sender, params string[] frames) =>
        sender.TrySend([.. frames.Select(text => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(text))]);

    public static FileReply Hear(ZmqSocket sender)
    {
        Assert.True(sender.WaitReadable(Waiting.Limit), "the master does not answer");
        Assert.True(sender.TryReceive(out var frames));
        return FileReply.Read(frames);
    }

    /// <summary>The honest slave has built; its file is expected now.</summary>
    public void OfferHonestWheel() =>
        Assert.Equal(new SlaveReply.Send(Wheel.State.Filename), _honest.Ask(Slaves.Built(Wheel.State)));

    /// <summary>The honest slave ends its build, and it alone has left something.</summary>
    /// <param name="offered">Whether <see cref="OfferHonestWheel"/> was called.</param>
    /// <param name="others">Files of an attacker that may rightly be there: it built what it was asked for.</param>
    public async Task EndAsync(bool offered = false, params string[] others)
    {
        if (!offered)
        {
            _honest.AssertReply<SlaveReply.Cont>(new SlaveRequest.Busy(Slaves.Stats));
            OfferHonestWheel();
        }

        await _bench.SendAsync(HonestId, Wheel.Path);
        _honest.AssertReply<SlaveReply.Done>(new SlaveRequest.Sent());
        var build = Assert.Single(_bench.Database.Builds, build => build.Package == Slaves.Numpy.Package.Value);
        Assert.True(build.Status);
        Assert.Equal(
            await File.ReadAllBytesAsync(Wheel.Path),
            await File.ReadAllBytesAsync(_bench.Output($"simple/numpy/{Wheel.State.Filename}")));
        string[] published = [$"simple/numpy/{Wheel.State.Filename}", $"simple/numpy/{Wheel.State.Filename}.metadata"];
        Assert.Equal(published.Concat(others).Order(StringComparer.Ordinal), OutsideTransfers());
        Assert.False(_bench.Driver.Completion.IsCompleted);
        Assert.False(_bench.Juggler.Completion.IsCompleted);
    }

    private IEnumerable<string> OutsideTransfers() => _bench.OutputFiles().Where(
        static path => !path.StartsWith(".transfers/", StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        _honest.Dispose();
        await _bench.DisposeAsync();
    }
}
