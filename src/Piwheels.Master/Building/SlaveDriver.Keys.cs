using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>Slaves with keys, who have a door of their own, and whom a revoked key cuts off.</summary>
/// <remarks>
/// A session belongs to a connection's name and a key (<see cref="PeerAddress"/>): whoever takes the name of another's
/// connection has another address, and there is no session at it.
/// </remarks>
public sealed partial class SlaveDriver
{
    private const string Revoked = "its key is off the list";

    private RouterSocket<SlaveRequest, SlaveReply>? BindKeyed(MasterConfiguration configuration)
    {
        if (_keys.Keys is not { } own) return null;
        _keys.WhenChanged(() => Post(CutOffRevoked));
        return BindRouter<SlaveRequest, SlaveReply>(
            configuration.KeyedSlaveQueue,
            SlaveSocketOptions(configuration) with { LoopbackOnly = false, CurveServerSecretKey = own.SecretKey });
    }

    /// <summary>For the log.</summary>
    private string KeyOf(PeerAddress peer) => _keys.NameOf(peer) is { } name ? $"the key of {name}" : "no key";

    private bool TrySend(PeerAddress to, SlaveReply reply) =>
        (to.Key is null ? _slaves : _keyedSlaves!).TrySend(to, reply);

    /// <summary>One that is not is told to DIE, as any stranger who talks nonsense.</summary>
    private bool IsAdmitted(PeerAddress from)
    {
        if (_keys.Admits(from)) return true;
        if (_roster.TryFind(from, out var slave)) CutOff(slave);
        return false;
    }

    private void CutOffRevoked()
    {
        foreach (var slave in _roster.All)
        {
            if (!_keys.Admits(slave.Address)) CutOff(slave);
        }
    }

    /// <summary>Nothing of it is taken any more, what has arrived of its build included; another builds that.</summary>
    private void CutOff(SlaveSession slave)
    {
        _roster.Remove(slave);
        slave.TakeBack(Revoked);
        _leaving.Add(AbandonAsync(slave, Revoked));
    }
}
