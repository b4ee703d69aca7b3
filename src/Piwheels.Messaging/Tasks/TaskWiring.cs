namespace Piwheels.Messaging.Tasks;

/// <summary>The order of tasks that follows from what they bind, connect and wait for.</summary>
public static class TaskWiring
{
    /// <summary>The tasks in an order in which each address is bound before anybody connects to it.</summary>
    /// <param name="boundElsewhere">Addresses that others bind: the main loop, or another process.</param>
    /// <exception cref="WiringException">
    /// An address is bound twice, or connected but bound by nobody; or tasks wait for each other.
    /// </exception>
    public static IReadOnlyList<TaskLoop> StartOrder(
        IEnumerable<TaskLoop> tasks, IEnumerable<string>? boundElsewhere = null)
    {
        var all = tasks.ToList();
        var outside = boundElsewhere?.ToHashSet(StringComparer.Ordinal) ?? [];
        var binders = Binders(all);
        var order = new List<TaskLoop>(all.Count);
        var placed = new HashSet<TaskLoop>();
        foreach (var task in all)
            Place(task, []);
        return order;

        void Place(TaskLoop task, List<TaskLoop> way)
        {
            if (placed.Contains(task))
                return;
            var start = way.IndexOf(task);
            if (start >= 0)
            {
                var names = way.Skip(start).Append(task).Select(each => each.Name);
                throw new WiringException($"These tasks wait for each other: {string.Join(" -> ", names)}");
            }

            way.Add(task);
            foreach (var address in task.Connects)
            {
                if (binders.TryGetValue(address, out var binder) && binder != task)
                    Place(binder, way);
                else if (binder is null && !outside.Contains(address))
                    throw new WiringException($"{task.Name} connects to {address}, which nobody binds");
            }

            way.RemoveAt(way.Count - 1);
            placed.Add(task);
            order.Add(task);
        }
    }

    private static Dictionary<string, TaskLoop> Binders(List<TaskLoop> tasks)
    {
        var binders = new Dictionary<string, TaskLoop>(StringComparer.Ordinal);
        foreach (var task in tasks)
        {
            foreach (var address in task.Binds)
            {
                if (!binders.TryAdd(address, task))
                    throw new WiringException($"{address} is bound by {binders[address].Name} and {task.Name}");
            }
        }

        return binders;
    }
}

/// <summary>The tasks' declared addresses do not fit together.</summary>
public sealed class WiringException(string message) : Exception(message);
