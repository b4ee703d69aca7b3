using Microsoft.Extensions.Logging;
using Piwheels.Core.Recipes;
using Piwheels.Master.AccessLog;
using Piwheels.Master.Administration;
using Piwheels.Master.Building;
using Piwheels.Master.BuildQueue;
using Piwheels.Master.Packages;
using Piwheels.Master.Publishing;
using Piwheels.Master.Statistics;
using Piwheels.Master.Transfers;
using Piwheels.Master.Upstream;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Tasks;
using Piwheels.Storage;

namespace Piwheels.Master;

/// <summary>All tasks of the master, by the stages of a package's way; their start order follows from their wiring.</summary>
public sealed class MasterTasks
{
    private MasterTasks(SlaveDriver slaveDriver, BigBrother bigBrother, IReadOnlyList<TaskLoop> all)
    {
        SlaveDriver = slaveDriver;
        BigBrother = bigBrother;
        All = all;
    }

    public SlaveDriver SlaveDriver { get; }

    public BigBrother BigBrother { get; }

    public IReadOnlyList<TaskLoop> All { get; }

    /// <summary>Makes them, without starting them. Oracles, TheArchitect, SlaveDriver and Lumberjack share a pool of connections.</summary>
    /// <exception cref="RecipeException">A recipe is none.</exception>
    /// <exception cref="KeyException">Something in the folder of keys cannot be used.</exception>
    public static MasterTasks Create(MasterConfiguration configuration, TaskEnvironment environment, Database database)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var recipes = RecipeShelf.Open(configuration.Recipes, environment.Loggers.CreateLogger("master.recipes"));
        var gate = SlaveGate.Open(configuration.SlaveKeys, environment.Loggers.CreateLogger("master.slave_keys"));
        var depth = new QueueDepth();
        var results = KeptBuilds.Open(configuration.OutputPath, environment.Loggers.CreateLogger("master.kept_builds"));
        var slaveDriver = new SlaveDriver(
            configuration, environment, recipes: recipes, recording: database, depth: depth, gate: gate, results: results);
        var bigBrother = new BigBrother(configuration, environment);
        var cloudGazer = new CloudGazer(configuration, environment);
        var facts = new FarmFacts
        {
            Started = environment.Time.GetUtcNow(),
            CountSlaves = slaveDriver.CountSlavesAsync,
            GivesOutWork = () => slaveDriver.GivesOutWork,
            Upstream = () => cloudGazer.State,
            Stats = () => bigBrother.Latest,
        };
        return new MasterTasks(slaveDriver, bigBrother,
        [
            // First, and so stopped last: whoever quits may still have something to ask
            new Seraph(configuration, environment),
            .. gate.Keys is null ? Array.Empty<TaskLoop>() : [new Doorkeeper(environment, gate)],
            .. Enumerable.Range(1, configuration.Oracles).Select(number => new TheOracle(number, environment, database)),
            cloudGazer,
            new TheArchitect(
                configuration, environment, database, database.ListenToBuildQueueAsync,
                cancel => database.SettleTargetsAsync(cancel: cancel), depth),
            slaveDriver,
            new FileJuggler(configuration, environment, gate: gate),
            new TheSecretary(configuration, environment),
            new TheScribe(configuration, environment, recipes: recipes),
            new Lumberjack(configuration, environment, database),
            bigBrother,
            new MrChase(configuration, environment, results: results, facts: facts),
        ]);
    }
}
