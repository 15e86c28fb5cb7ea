using System.Globalization;

namespace Evo.Models;

/// <summary>By which names a problem calls the keys.</summary>
public enum KeyNames
{
    /// <summary>Those of config.json.</summary>
    HuggingFace,
    /// <summary>Those of the <c>model</c> section of a run's config.</summary>
    Run,
}

/// <summary>The rules that a model's numbers keep: each broken one gives a line with the name, the value, the rule and what would be right.</summary>
public sealed class Rules(KeyNames names)
{
    /// <summary>The key by the names that were asked for.</summary>
    public string Name(string huggingFace, string run) => names == KeyNames.Run ? run : huggingFace;

    private readonly List<string> found = [];

    /// <summary>The rules broken so far.</summary>
    public IReadOnlyList<string> Found => found;

    /// <summary>A size is at least one.</summary>
    public void Positive(string name, int? value) => AtLeast(name, value, 1);

    /// <summary>A count is at least so much.</summary>
    public void AtLeast(string name, int? value, int least)
    {
        if (value < least)
            found.Add($"{name} = {value}: must be at least {least}");
    }

    /// <summary>A rule of the family's own: what is wrong, in a line that begins with the key.</summary>
    public void Refuse(string line) => found.Add(line);

    /// <summary>Two sizes that meet are equal.</summary>
    public void Equal(string name, long value, string otherName, long other, string because)
    {
        var line = $"{name} = {value}: must equal {otherName} = {other} ({because})";
        if (value != other && !found.Contains(line))
            found.Add(line);
    }

    /// <summary>One size does not exceed another.</summary>
    public void AtMost(string name, int value, string mostName, int most, string because)
    {
        var line = $"{name} = {value}: must be at most {mostName} = {most} ({because})";
        if (value > most && !found.Contains(line))
            found.Add(line);
    }

    /// <summary>Halves of a head are turned against each other.</summary>
    public void Even(string name, int value)
    {
        var line = $"{name} = {value}: rotary positions need an even head size";
        if (value % 2 != 0 && !found.Contains(line))
            found.Add(line);
    }

    /// <summary>One size divides another.</summary>
    public void Divides(string divisorName, int divisor, string dividendName, int dividend, string because)
    {
        if (divisor >= 1 && dividend % divisor == 0)
            return;
        // Divisors come in pairs about the square root.
        var small = Enumerable.Range(1, (int)Math.Sqrt(Math.Max(dividend, 0))).Where(d => dividend % d == 0).ToList();
        var legal = small.Concat(small.Select(d => dividend / d)).Distinct().Order().Select(d => d.ToString(CultureInfo.InvariantCulture)).ToList();
        var shown = legal.Count <= 12 ? string.Join(", ", legal) : "a divisor of " + dividend;
        var line = $"{divisorName} = {divisor}: must divide {dividendName} = {dividend}{(because == "" ? "" : $" ({because})")}; use {shown}";
        if (!found.Contains(line))
            found.Add(line);
    }

    /// <summary>A share lies in [0, 1).</summary>
    public void Share(string name, double value)
    {
        var line = FormattableString.Invariant($"{name} = {value}: must be at least 0 and less than 1");
        if (value is not (>= 0 and < 1) && !found.Contains(line))
            found.Add(line);
    }

    /// <summary>A number is above zero, or where <paramref name="orZero"/> is set not below it.</summary>
    public void Above(string name, double value, bool orZero = false)
    {
        var line = FormattableString.Invariant($"{name} = {value}: must be {(orZero ? "at least" : "greater than")} 0");
        if (!(orZero ? value >= 0 : value > 0) && !found.Contains(line))
            found.Add(line);
    }

    /// <summary>A text is one of a few.</summary>
    public void OneOf(string name, string value, params string[] legal)
    {
        if (!legal.Contains(value))
            found.Add($"{name} = \"{value}\": is not supported; use {string.Join(", ", legal)}");
    }

    /// <summary>Broken rules found elsewhere.</summary>
    public void All(IEnumerable<string>? lines) => found.AddRange(lines?.Where(l => !found.Contains(l)) ?? []);
}
