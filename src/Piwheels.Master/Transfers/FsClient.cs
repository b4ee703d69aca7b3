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

    /// <summary>It is what was announced, and is in its place.</summary>
    public sealed record Verified : VerifyResult;

    /// <summary>What came is not what was announced, or not all of it: it may be expected and sent again.</summary>
    public sealed record Mismatched(string Reason) : VerifyResult;

    /// <summary>
    /// It is what was announced, but no wheel of the package and version that its name says: again is no use.
    /// </summary>
    public sealed record Refused(string Reason) : VerifyResult;
}

/// <summary>
/// Talks to <see cref="FileJuggler"/>. One file at a time is expected of an owner: <see cref="ExpectAsync"/>, then the
/// owner is told to SEND, then, when it says SENT, <see cref="VerifyAsync"/>.
/// </summary>
/// <remarks>Every method throws <see cref="RpcException"/> when FileJuggler is away or refuses.</remarks>
public sealed class FsClient(RpcClient<FsRequest, FsReply> juggler)
{
    /// <summary>
    /// A file is about to come; what the owner was expected to send before is forgotten. For an import it may take some
    /// seconds, until the sender of the import before has come.
    /// </summary>
    /// <exception cref="RpcException">There is no room for it, or it can be no wheel.</exception>
    public Task ExpectAsync(TransferOwner owner, FileState file) =>
        juggler.AskAsync(new FsRequest.Expect(owner.Number, file));

    /// <summary>
    /// Checks what the owner has sent, and publishes it below the package. Unless it is verified, what came is dropped
    /// and nothing is expected any more.
    /// </summary>
    /// <exception cref="RpcException">Nothing was expected of the owner.</exception>
    public async Task<VerifyResult> VerifyAsync(TransferOwner owner, PackageName package) =>
        await juggler.AskAsync(new FsRequest.Verify(owner.Number, package)) switch
        {
            FsReply.Mismatched(var reason) => new VerifyResult.Mismatched(reason),
            FsReply.Refused(var reason) => new VerifyResult.Refused(reason),
            _ => new VerifyResult.Verified(),
        };

    /// <summary>Nothing is expected of the owner any more; what came is dropped.</summary>
    public Task ForgetAsync(TransferOwner owner) => juggler.AskAsync(new FsRequest.Forget(owner.Number));

    /// <summary>
    /// Removes a file that was verified, and so published, where its build is not recorded after all.
    /// </summary>
    public Task WithdrawAsync(PackageName package, string filename) =>
        juggler.AskAsync(new FsRequest.Withdraw(package, filename));
}
