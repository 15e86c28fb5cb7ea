using System.Globalization;

namespace Evo.Data;

/// <summary>
/// Unicode's normal forms, from a table of our own: the runtime's own <c>string.Normalize</c> does nothing without ICU,
/// and says so to nobody. The table is that of Unicode 9.0, by which Hugging Face's normalizers go: characters that came
/// later stay as they are, or ids would differ.
/// </summary>
internal sealed class NormalForm
{
    // Hangul syllables are made of two or three letters by arithmetic (The Unicode Standard, 3.12).
    private const int SBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7, LCount = 19, VCount = 21, TCount = 28, SCount = LCount * VCount * TCount;

    private static readonly Lazy<Tables> Loaded = new(Tables.Read);
    private readonly bool compatible, composed;

    private NormalForm(bool compatible, bool composed) => (this.compatible, this.composed) = (compatible, composed);

    public static NormalForm C { get; } = new(false, true);

    public static NormalForm D { get; } = new(false, false);

    public static NormalForm KC { get; } = new(true, true);

    public static NormalForm KD { get; } = new(true, false);

    /// <summary>
    /// Whether the form of the text before a character and from it on is the two forms together: it neither moves
    /// before an earlier mark nor merges with an earlier character.
    /// </summary>
    public static bool BeginsAfresh(int rune)
    {
        if (rune < 0x300) return true;
        var tables = Loaded.Value;
        var first = rune;
        while (tables.Compatible.TryGetValue(first, out var parts) || tables.Canonical.TryGetValue(first, out parts)) first = parts[0];
        return tables.ClassOf(first) == 0 && !tables.Seconds.Contains(first)
            && first is not (>= VBase and < VBase + VCount) and not (> TBase and < TBase + TCount);
    }

    /// <summary>Whether a character is a mark.</summary>
    public static bool IsMark(int rune) => Loaded.Value.Marks.Contains(rune);

    /// <summary>The normal form of characters.</summary>
    public List<int> Of(IEnumerable<int> runes)
    {
        var tables = Loaded.Value;
        var result = new List<int>();
        foreach (var rune in runes) Decompose(tables, rune, result);
        Order(tables, result);
        return composed ? Compose(tables, result) : result;
    }

    private void Decompose(Tables tables, int rune, List<int> result)
    {
        var syllable = rune - SBase;
        if (syllable is >= 0 and < SCount)
        {
            result.Add(LBase + syllable / (VCount * TCount));
            result.Add(VBase + syllable / TCount % VCount);
            if (syllable % TCount != 0) result.Add(TBase + syllable % TCount);
        }
        else if (tables.Canonical.TryGetValue(rune, out var parts) || (compatible && tables.Compatible.TryGetValue(rune, out parts)))
        {
            foreach (var part in parts) Decompose(tables, part, result);
        }
        else
        {
            result.Add(rune);
        }
    }

    // Marks in a run are put in the order of their classes, those of one class staying as they are.
    private static void Order(Tables tables, List<int> runes)
    {
        for (var from = 0; from < runes.Count; from++)
        {
            if (tables.ClassOf(runes[from]) == 0) continue;
            var to = from;
            while (to < runes.Count && tables.ClassOf(runes[to]) != 0) to++;
            var sorted = runes.GetRange(from, to - from).OrderBy(tables.ClassOf).ToList(); // a stable sort
            for (var i = from; i < to; i++) runes[i] = sorted[i - from];
            from = to;
        }
    }

    private static List<int> Compose(Tables tables, List<int> runes)
    {
        var result = new List<int>(runes.Count);
        var (starter, lastClass) = (-1, -1); // place of the last character of class 0, and the class of what came after it
        foreach (var rune in runes)
        {
            var ordering = tables.ClassOf(rune);
            // A mark is out of reach behind one of its own class or a higher one; what stands beside its starter is not.
            if (starter >= 0 && lastClass < ordering && Pair(tables, result[starter], rune) is var merged and >= 0)
            {
                result[starter] = merged;
                continue;
            }
            if (ordering == 0) (starter, lastClass) = (result.Count, -1);
            else lastClass = ordering;
            result.Add(rune);
        }
        return result;
    }

    private static int Pair(Tables tables, int first, int second)
    {
        if (first - LBase is >= 0 and < LCount && second - VBase is >= 0 and < VCount) return SBase + ((first - LBase) * VCount + second - VBase) * TCount;
        if (first - SBase is >= 0 and < SCount && (first - SBase) % TCount == 0 && second - TBase is > 0 and < TCount) return first + second - TBase;
        return tables.Composed.GetValueOrDefault((first, second), -1);
    }

    private sealed class Tables
    {
        public Dictionary<int, int[]> Canonical { get; } = [];

        public Dictionary<int, int[]> Compatible { get; } = [];

        public Dictionary<(int, int), int> Composed { get; } = [];

        public HashSet<int> Seconds { get; } = [];

        public HashSet<int> Marks { get; } = [];

        private readonly Dictionary<int, int> classes = [];

        public int ClassOf(int rune) => rune < 0x300 ? 0 : classes.GetValueOrDefault(rune);

        public static Tables Read()
        {
            var tables = new Tables();
            using var stream = typeof(NormalForm).Assembly.GetManifestResourceStream("normalization.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line[0] == '#') continue;
                var numbers = line[2..].Split(' ').Select(word => int.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
                if (line[0] is 'r' or 'm')
                {
                    for (var rune = numbers[0]; rune <= numbers[1]; rune++)
                        if (line[0] == 'm') tables.Marks.Add(rune);
                        else tables.classes.Add(rune, numbers[2]);
                    continue;
                }
                (line[0] == '~' ? tables.Compatible : tables.Canonical).Add(numbers[0], numbers[1..]);
                if (line[0] != '=') continue;
                tables.Composed.Add((numbers[1], numbers[2]), numbers[0]);
                tables.Seconds.Add(numbers[2]);
            }
            return tables;
        }
    }
}
