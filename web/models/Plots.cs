using System.Globalization;

namespace Piwheels.Pages;

/// <summary>Columns over time, of one or several parts that stand upon each other.</summary>
/// <param name="Id">Begins the ids of its elements.</param>
/// <param name="Unit">What a column is of, for the table's head.</param>
/// <param name="Parts">What they are, from the lowest up.</param>
public sealed record ColumnPlot(
    string Id, string Title, string Unit, IReadOnlyList<string> Parts, IReadOnlyList<PlotColumn> Columns)
{
    /// <summary>The height that shapes are told in; a column is one wide.</summary>
    public const double Height = 100;

    private const double Gap = 0.22;

    /// <summary>The end of the scale: two, four, six, eight or ten times a power of ten, so that its half is a whole number.</summary>
    public long Top
    {
        get
        {
            var most = Math.Max(2, Columns.Max(column => column.Total));
            for (var step = 1L; ; step *= 10)
            {
                foreach (var factor in (long[])[2, 4, 6, 8, 10])
                {
                    if (most <= factor * step) return factor * step;
                }
            }
        }
    }

    /// <summary>What it shows, in a sentence.</summary>
    public string Summary
    {
        get
        {
            var most = Columns.MaxBy(column => column.Total)!;
            return $"{Columns[0].Label} to {Columns[^1].Label}. In all {Figures.Count(Columns.Sum(column => column.Total))}, "
                + $"the most on {most.Label}: {Figures.Count(most.Total)}.";
        }
    }

    public bool IsEmpty => Columns.All(column => column.Total == 0);

    /// <summary>The rectangles of a part in the language of SVG's paths, in one.</summary>
    public string PathOf(int part)
    {
        var path = new System.Text.StringBuilder();
        var top = Top;
        for (var i = 0; i < Columns.Count; i++)
        {
            var amounts = Columns[i].Amounts;
            if (amounts[part] == 0) continue;
            var foot = Height - (Height * amounts.Take(part).Sum() / top);
            var height = Height * amounts[part] / top;
            path.Append(
                CultureInfo.InvariantCulture,
                $"M{i + (Gap / 2):0.##} {foot:0.##}v{-height:0.##}h{1 - Gap:0.##}v{height:0.##}z");
        }

        return path.ToString();
    }

    /// <summary>A column in words.</summary>
    public string Words(PlotColumn column) =>
        $"{column.Label}: " + string.Join(", ", Parts.Zip(column.Amounts, (part, amount) => $"{part} {Figures.Count(amount)}"));
}

/// <param name="Amounts">One for each part.</param>
public sealed record PlotColumn(string Label, IReadOnlyList<long> Amounts)
{
    public long Total => Amounts.Sum();
}

/// <summary>A table in which each row has a bar.</summary>
public sealed record BarTable(string Of, string Counts, IReadOnlyList<BarRow> Rows)
{
    private long Most => Math.Max(1, Rows.Max(row => row.Amount));

    /// <summary>A bar's length, of a hundred.</summary>
    public string LengthOf(BarRow row) => (100.0 * row.Amount / Most).ToString("0.##", CultureInfo.InvariantCulture);
}

/// <param name="Note">Smaller, behind the label; may be empty.</param>
public sealed record BarRow(string Label, string Note, long Amount);
