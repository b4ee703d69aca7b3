using System.Collections.Immutable;
using System.Formats.Cbor;
using Piwheels.Core.Recipes;

namespace Piwheels.Messaging.Cbor;

/// <summary>
/// Recipes, and what masters ask of slaves for them: maps by text, in which unknown keys are passed over, so that either
/// side may be the newer one. Shape and limits are checked here; what a recipe may say is checked by whoever builds by it.
/// </summary>
internal static class RecipeStates
{
    private const string Apt = "apt";
    private const string Tail = "tail";
    private const string Environment = "environment";
    private const string PipArguments = "pip-arguments";
    private const string Timeout = "timeout";
    private const string Memory = "memory";
    private const string Network = "network";
    private const string CheckImport = "check-import";
    private const string Patch = "patch";

    /// <summary>
    /// Names of Debian packages, those asked about or those of them that are there; and whether what builds print is asked
    /// for, or can be told.
    /// </summary>
    public static (IReadOnlyList<string> Apt, bool Tail) ReadQuestions(WireReader reader, string field)
    {
        IReadOnlyList<string> apt = [];
        var tail = false;
        reader.Extension(field, (r, key) =>
        {
            if (key == Tail) tail = r.Boolean(key);
            else if (key == Apt) apt = r.List("apt packages", WireLimits.AptPackagesMax, ReadAptPackage);
            else return false;
            return true;
        });
        return (apt, tail);
    }

    public static void WriteQuestions(this CborWriter writer, IReadOnlyList<string> apt, bool tail = false)
    {
        writer.WriteStartMap(tail ? 2 : 1);
        writer.WriteTextString(Apt);
        writer.WriteTexts(apt);
        if (tail)
        {
            writer.WriteTextString(Tail);
            writer.WriteBoolean(tail);
        }

        writer.WriteEndMap();
    }

    /// <summary>All but the reason to skip, which is nothing to build by.</summary>
    public static Recipe ReadRecipe(WireReader reader)
    {
        var recipe = Recipe.None;
        reader.Extension("recipe", (r, key) =>
        {
            var read = key switch
            {
                Apt => recipe with { Apt = [.. r.List(key, WireLimits.RecipeEntriesMax, ReadAptPackage)] },
                Environment => recipe with { Environment = ReadVariables(r) },
                PipArguments => recipe with { PipArguments = [.. r.List(key, WireLimits.RecipeEntriesMax, ReadValue)] },
                Timeout => recipe with { Timeout = r.Duration(key) },
                Memory => recipe with { Memory = r.Size(key) },
                Network => recipe with { Network = ReadNetwork(r) },
                CheckImport => recipe with { WithoutImport = r.Text(key, WireLimits.NameLengthMax) == RecipeSetting.Never },
                Patch => recipe with { Patch = ReadPatch(r) },
                _ => null,
            };
            recipe = read ?? recipe;
            return read is not null;
        });
        return recipe;
    }

    public static void Write(this CborWriter writer, Recipe recipe)
    {
        writer.WriteStartMap(CountOf(recipe));
        if (recipe.Apt.Length > 0)
        {
            writer.WriteTextString(Apt);
            writer.WriteTexts(recipe.Apt);
        }

        if (recipe.Environment.Count > 0)
        {
            writer.WriteTextString(Environment);
            writer.WriteMap(recipe.Environment, static (w, value) => w.WriteTextString(value));
        }

        if (recipe.PipArguments.Length > 0)
        {
            writer.WriteTextString(PipArguments);
            writer.WriteTexts(recipe.PipArguments);
        }

        WriteLimits(writer, recipe);
        if (recipe.WithoutImport)
        {
            writer.WriteTextString(CheckImport);
            writer.WriteTextString(RecipeSetting.Never);
        }

        if (recipe.Patch is { } patch)
        {
            writer.WriteTextString(Patch);
            writer.WriteTexts([patch.Name, patch.Text]);
        }

        writer.WriteEndMap();
    }

    private static void WriteLimits(CborWriter writer, Recipe recipe)
    {
        if (recipe.Timeout is { } timeout)
        {
            writer.WriteTextString(Timeout);
            writer.WriteDuration(timeout);
        }

        if (recipe.Memory is { } memory)
        {
            writer.WriteTextString(Memory);
            writer.WriteInt64(memory);
        }

        if (recipe.Network is not { } network) return;
        writer.WriteTextString(Network);
        writer.WriteTextString(RecipeNetworks.WordOf(network));
    }

    private static int CountOf(Recipe recipe) =>
        ((ReadOnlySpan<bool>)
        [
            recipe.Apt.Length > 0, recipe.Environment.Count > 0, recipe.PipArguments.Length > 0,
            recipe.Timeout is not null, recipe.Memory is not null, recipe.Network is not null, recipe.WithoutImport,
            recipe.Patch is not null,
        ]).Count(true);

    private static ImmutableSortedDictionary<string, string> ReadVariables(WireReader reader) =>
        Recipe.None.Environment.AddRange(reader.Map(Environment, WireLimits.RecipeEntriesMax, ReadValue));

    private static RecipeNetwork ReadNetwork(WireReader reader)
    {
        try
        {
            return RecipeNetworks.Parse(reader.Text(Network, WireLimits.NameLengthMax));
        }
        catch (FormatException)
        {
            throw reader.Fail(Network, "none that is known");
        }
    }

    private static RecipePatch ReadPatch(WireReader reader)
    {
        reader.StartRecord(Patch);
        var patch = new RecipePatch(
            reader.Text("patch name", WireLimits.TextLengthMax), reader.Text("patch text", WireLimits.PatchLengthMax));
        reader.EndRecord(Patch);
        return patch;
    }

    private static string ReadAptPackage(WireReader reader) => reader.Text("apt package", RecipeRules.AptLengthMax);

    private static string ReadValue(WireReader reader) => reader.Text("value", WireLimits.LongTextLengthMax);
}
