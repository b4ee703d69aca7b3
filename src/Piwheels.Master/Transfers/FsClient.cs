using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Transfers;

/// <summary>What came of the verification of a file.</summary>
public abstract record VerifyResult
{
    private VerifyResult()
    {
    }

    /// <summary>It is what was announced, and kept until its build is recorded.</summary>
    /// <param name="RequiresPython">
    /// What its METADATA says, which counts more than any claim; null where that does not say, or nothing valid.
    /// </param>
    public sealed record Verified(string? RequiresPython) : VerifyResult;

    /// <summary>What came is not what was announced, or not all of it: it may be expected and sent again.</summary>
    public sealed record Mismatched(string Reason) : VerifyResult;

    /// <summary>
    /// It is what was announced, but no wheel of the package and version that its name says: again is no use.
    /// </summary>
    public sealed record Refused(string Reason) : VerifyResult;
}

/// <summary>
/// Talks to <see cref="FileJuggler"/>. One file at a time is expected of an owner: <see cref="ExpectAsync"/>, then the
/// owner is told to SEND, then, when it says SENT, <see cref="VerifyAsync"/>. When all its files are verified and their
/// build is recorded, <see cref="PublishAsync"/>; otherwise <see cref="ForgetAsync"/>.
/// </summary>
/// <remarks>Every method throws <see cref="RpcException"/> when FileJuggler is away or refuses.</remarks>
public sealed class FsClient(RpcClient<FsRequest, FsReply> juggler)
{
    /// <summary>
    /// A file is about to come; what the owner was expected to send before is forgotten. For an import it may take some
    /// seconds, until the sender of the import before has come.
    /// </summary>
    /// <param name="origin">Where the owner is connected from: who sends from there has its place before others.</param>
    /// <param name="key">The public key that it comes by, as Z85 text, and none other does; null: by none.</param>
    /// <exception cref="RpcException">There is no room for it, or it can be no wheel.</exception>
    public Task ExpectAsync(TransferOwner owner, FileState file, string origin = "", string? key = null) =>
        juggler.AskAsync(new FsRequest.Expect(owner.Number, file, origin) { Key = key });

    /// <summary>
    /// Checks what the owner has sent, and keeps it. Unless it is verified, what came is dropped and nothing is expected
    /// any more.
    /// </summary>
    /// <exception cref="RpcException">Nothing was expected of the owner.</exception>
    public async Task<VerifyResult> VerifyAsync(TransferOwner owner, PackageName package) =>
        await juggler.AskAsync(new FsRequest.Verify(owner.Number, package)) switch
        {
            FsReply.Mismatched(var reason) => new VerifyResult.Mismatched(reason),
            FsReply.Refused(var reason) => new VerifyResult.Refused(reason),
            FsReply.Verified(var requiresPython) => new VerifyResult.Verified(requiresPython),
            var other => throw new RpcException($"{other.Name} is no answer to VERIFY", transient: false),
        };

    /// <summary>Publishes what is kept of the owner and recorded in the database; what is not recorded is dropped.</summary>
    public Task PublishAsync(TransferOwner owner) => juggler.AskAsync(new FsRequest.Publish(owner.Number));

    /// <summary>Nothing is expected of the owner any more; what came is dropped.</summary>
    public Task ForgetAsync(TransferOwner owner) => juggler.AskAsync(new FsRequest.Forget(owner.Number));

    /// <summary>Size and free bytes of the disk that is published from.</summary>
    public async Task<(long Size, long Free)> DiskAsync() =>
        await juggler.AskAsync(new FsRequest.Disk()) is FsReply.Room(var size, var free)
            ? (size, free)
            : throw new RpcException("that is no answer to DISK", transient: false);
}
