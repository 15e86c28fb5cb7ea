using System.Globalization;

namespace Evo.Bench;

/// <summary>The numbers that a benchmark may be given on its command line, as <c>--name value</c>.</summary>
internal sealed record Options(int Batch, int Sequence, int Threads, int Repeats)
{
    public static Options Parse(string[] words)
    {
        var found = new Dictionary<string, int>(StringComparer.Ordinal)
        {
            ["--batch"] = 4,
            ["--sequence"] = 256,
            ["--threads"] = 2,
            ["--repeats"] = 7,
        };
        for (var i = 0; i + 1 < words.Length; i += 2)
        {
            if (!found.ContainsKey(words[i]) || !int.TryParse(words[i + 1], CultureInfo.InvariantCulture, out var value) || value < 1)
                throw new ArgumentException($"{words[i]} {words[i + 1]}: use {string.Join(", ", found.Keys)} with a number from 1");
            found[words[i]] = value;
        }

        return new(found["--batch"], found["--sequence"], found["--threads"], found["--repeats"]);
    }
}
