// Which degrees suit all sizes that must be split; ModePlan answers the same where a model's numbers are known.
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

/// <summary>A size that a degree must suit, as a number.</summary>
internal sealed record DegreeLimit(string Size, long Value, bool OrMultiple, string Because)
{
    public bool Allows(long degree) => Value % degree == 0 || (OrMultiple && degree % Value == 0);
}

internal static class LegalDegrees
{
    /// <summary>All legal degrees; where nothing bounds them, those up to <paramref name="asked"/>.</summary>
    public static IEnumerable<int> Of(IReadOnlyList<DegreeLimit> limits, int asked)
    {
        var bound = limits.Where(l => !l.OrMultiple).Select(l => l.Value).DefaultIfEmpty(asked).Min();
        return Enumerable.Range(1, (int)bound).Where(d => limits.All(l => l.Allows(d)));
    }

    /// <summary>Numbers as a person says them: 1, 2 or 4.</summary>
    public static string Spoken(IEnumerable<int> numbers)
    {
        var texts = numbers.Select(n => n.ToString(CultureInfo.InvariantCulture)).ToList();
        return texts.Count < 2 ? string.Concat(texts) : string.Join(", ", texts.Take(texts.Count - 1)) + " or " + texts[texts.Count - 1];
    }
}
