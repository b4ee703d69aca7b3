namespace Piwheels.Master.Transfers;

/// <summary>
/// Who a file is expected from: a slave by its number, or one import. Importers all say that they are slave 0, so each
/// import has a number of the master's own; on the inner queue that is below zero.
/// </summary>
public readonly record struct TransferOwner
{
    private TransferOwner(int number) => Number = number;

    /// <summary>Above zero: a slave's number. Below: an import's, negated.</summary>
    public int Number { get; }

    public bool IsImport => Number < 0;

    /// <exception cref="ArgumentOutOfRangeException">Slaves are numbered from 1.</exception>
    public static TransferOwner Slave(int id)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(id, 1);
        return new TransferOwner(id);
    }

    /// <param name="session">A number from 1, of this import alone.</param>
    /// <exception cref="ArgumentOutOfRangeException">Imports are numbered from 1.</exception>
    public static TransferOwner Import(int session)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(session, 1);
        return new TransferOwner(-session);
    }

    /// <summary>The owner of a number as it comes over the inner queue.</summary>
    /// <exception cref="ArgumentOutOfRangeException">0 is nobody in particular.</exception>
    internal static TransferOwner OfNumber(int number) => number < 0 ? new TransferOwner(number) : Slave(number);

    public override string ToString() => IsImport ? $"import {-(long)Number}" : $"slave {Number}";
}
