using System.Globalization;
using System.Text.Json.Nodes;

namespace Evo.Parallel.Verification;

/// <summary>One quantity of a figures file beside what the model computed.</summary>
/// <param name="Set">"golden" or "packed".</param>
/// <param name="Name">Its name in the file.</param>
/// <param name="Kind">Logits, loss, hidden states, gradients, or what is wrong with it.</param>
/// <param name="Error">Largest absolute difference; infinite where it was not compared or is not finite.</param>
/// <param name="Largest">Largest absolute entry of the file's tensor.</param>
/// <param name="Accept">Bound of the left column for this tensor.</param>
/// <param name="Strict">Bound of the right column.</param>
/// <param name="Problem">Why it could not be compared, or null.</param>
public sealed record VerifiedQuantity(string Set, string Name, string Kind, double Error, double Largest, double Accept, double Strict, string? Problem)
{
    /// <summary>Within the left column.</summary>
    public bool Accepted => Problem is null && Error <= Accept;

    /// <summary>Within the right column.</summary>
    public bool StrictlyAccepted => Problem is null && Error <= Strict;
}

/// <summary>Everything that a verification compared.</summary>
/// <param name="Architecture">Hugging Face's name of the model.</param>
/// <param name="Parameters">Learned numbers.</param>
/// <param name="Dtype">What was computed in.</param>
/// <param name="AskedStrict">Whether the right column decides.</param>
/// <param name="Quantities">One entry for every tensor of the figures that is not an input.</param>
public sealed record VerifyReport(string Architecture, long Parameters, string Dtype, bool AskedStrict, IReadOnlyList<VerifiedQuantity> Quantities)
{
    /// <summary>Whether every quantity was compared and lies within the left column.</summary>
    public bool Accepted => Quantities.Count > 0 && Quantities.All(q => q.Accepted);

    /// <summary>Whether every quantity lies within the right column.</summary>
    public bool StrictlyAccepted => Quantities.Count > 0 && Quantities.All(q => q.StrictlyAccepted);

    /// <summary>Whether the column that was asked for holds.</summary>
    public bool Passed => AskedStrict ? StrictlyAccepted : Accepted;

    /// <summary>The worst quantity of each kind in each set, in the order of the file: what a person reads.</summary>
    public IReadOnlyList<VerifiedQuantity> Worst => [.. Quantities
        .GroupBy(q => (q.Set, q.Kind))
        .Select(g => g.MaxBy(q => q.Problem is not null ? double.PositiveInfinity : q.Error / q.Strict)!)];

    /// <summary>The report as a table: one line for the worst of each kind, then every quantity that failed.</summary>
    public string ToText()
    {
        var rows = new List<string[]> { new[] { "set", "quantity", "compared", "largest error", "accept", "strict", "" } };
        rows.AddRange(Worst.Select(q => new[]
        {
            q.Set, q.Kind, Quantities.Count(o => o.Set == q.Set && o.Kind == q.Kind).ToString(CultureInfo.InvariantCulture),
            Number(q.Error), Number(q.Accept), Number(q.Strict), Verdict(q) + (q.Kind == q.Name ? "" : $" ({q.Name})"),
        }));
        var widths = Enumerable.Range(0, 7).Select(c => rows.Max(r => r[c].Length)).ToArray();
        var lines = rows.Select(r => string.Join("  ", r.Select((cell, c) => c is >= 2 and < 6 ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]))).TrimEnd()).ToList();
        lines.AddRange(Quantities.Where(q => !(AskedStrict ? q.StrictlyAccepted : q.Accepted)).Select(q =>
            $"{q.Set}: {q.Name}: {q.Problem ?? $"off by {Number(q.Error)}, {(AskedStrict ? $"strict {Number(q.Strict)}" : $"accepted {Number(q.Accept)}")}"}"));
        lines.Add($"{Architecture}, {Parameters.ToString("N0", CultureInfo.InvariantCulture)} parameters, {Dtype}: "
            + $"{Quantities.Count} quantities, {(Passed ? "all" : $"{Quantities.Count(q => AskedStrict ? q.StrictlyAccepted : q.Accepted)}")} within the {(AskedStrict ? "strict" : "accepted")} column");
        return string.Join("\n", lines) + "\n";
    }

    /// <summary>The report for programs: every quantity with its error and both bounds.</summary>
    public JsonObject ToJson() => new()
    {
        ["architecture"] = Architecture,
        ["parameters"] = Parameters,
        ["dtype"] = Dtype,
        ["column"] = AskedStrict ? "strict" : "accept",
        ["passed"] = Passed,
        ["accepted"] = Accepted,
        ["strictly_accepted"] = StrictlyAccepted,
        ["quantities"] = new JsonArray([.. Quantities.Select(q => (JsonNode)new JsonObject
        {
            ["set"] = q.Set,
            ["name"] = q.Name,
            ["kind"] = q.Kind,
            // JSON has no infinity: what could not be compared has no error but a problem.
            ["error"] = double.IsFinite(q.Error) ? q.Error : null,
            ["largest"] = double.IsFinite(q.Largest) ? q.Largest : null,
            ["accept"] = q.Accept,
            ["strict"] = q.Strict,
            ["accepted"] = q.Accepted,
            ["strictly_accepted"] = q.StrictlyAccepted,
            ["problem"] = q.Problem,
        })]),
    };

    private static string Verdict(VerifiedQuantity q) => q.StrictlyAccepted ? "strict" : q.Accepted ? "accepted" : q.Problem is null ? "OFF" : "NOT COMPARED";

    private static string Number(double x) => double.IsFinite(x) ? x.ToString("0.0e+0", CultureInfo.InvariantCulture) : "—";
}
