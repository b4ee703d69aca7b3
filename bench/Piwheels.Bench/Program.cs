using System.CommandLine;
using Npgsql;
using Piwheels.Bench.Following;
using Piwheels.Bench.Functions;
using Piwheels.Bench.Generating;
using Piwheels.Bench.Loading;
using Piwheels.Bench.Logging;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Publishing;
using Piwheels.Bench.Serving;
using Piwheels.Core.Database;
using Piwheels.Storage.Private;
using Piwheels.Storage.Schema;

namespace Piwheels.Bench;

/// <summary>The bench's commands: makes a database of PyPI's size, checks it, measures on it, and compares.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("Makes a database of PyPI's size and measures the farm on it.")
        {
            GenerateCommand.Create(),
            CheckCommand.Create(),
            MeasureCommand.Create(),
            GrowthCommand.Create(),
            FunctionsCommand.Create(),
            FollowCommand.Create(),
            SyntheticIndex.Create(),
            LoadCommand.Create(),
            PagesCommand.Create(),
            EchoServer.Create(),
            WebCommand.Create(),
            HitsCommand.Create(),
        };
        try
        {
            return await root.Parse(arguments).InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception e) when (e is BenchFault or SchemaException or PrivateClusterException or DatabaseException)
        {
            await Console.Error.WriteLineAsync($"bench: {e.Message}");
            return 1;
        }
        catch (PostgresException e)
        {
            await Console.Error.WriteLineAsync($"bench: {e.MessageText}\n{e}");
            return 1;
        }
        catch (OperationCanceledException)
        {
            return 1;
        }
    }
}

/// <summary>A command cannot go on; the text says why in one line.</summary>
internal sealed class BenchFault(string message) : Exception(message);
