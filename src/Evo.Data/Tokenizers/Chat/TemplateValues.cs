using System.Text.Json;

namespace Evo.Data;

/// <summary>What went wrong with a value; whoever knows the line makes an error of it.</summary>
internal sealed class TemplateFault(string found) : Exception(found);

/// <summary>What a name stands for that nothing was given for.</summary>
internal sealed class TemplateUndefined(string name)
{
    public string Name { get; } = name;
}

/// <summary>The object of <c>namespace()</c>, whose fields templates may set.</summary>
internal sealed class TemplateNamespace
{
    public Dictionary<string, object?> Fields { get; } = [];
}

/// <summary>A list that Python writes in round brackets.</summary>
internal sealed class TemplateTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>Arguments of a call: by place and by name.</summary>
internal sealed record TemplateArguments(IReadOnlyList<object?> Places, IReadOnlyDictionary<string, object?> Names)
{
    public object? At(int place, string name, object? otherwise) =>
        place < Places.Count ? Places[place] : Names.TryGetValue(name, out var value) ? value : otherwise;
}

internal delegate object? TemplateCall(TemplateArguments arguments);

/// <summary>
/// The values of templates and what Python does with them: null, bool, long, double, string, lists and dictionaries in
/// their order.
/// </summary>
internal static class TemplateValues
{
    private const int MostDepth = 100;

    /// <summary>A JSON value as a template sees it.</summary>
    public static object? Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => Text(json),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => json.TryGetInt64(out var whole) ? whole : (object)json.GetDouble(),
        JsonValueKind.Array => json.EnumerateArray().Select(Of).ToList(),
        JsonValueKind.Object => json.EnumerateObject().GroupBy(field => field.Name).ToDictionary(group => group.Key, group => Of(group.Last().Value)),
        _ => null,
    };

    private static string Text(JsonElement json)
    {
        try
        {
            return json.GetString()!;
        }
        catch (InvalidOperationException) // half a surrogate pair
        {
            throw new TemplateFault("text that is no Unicode");
        }
    }

    public static bool IsTrue(object? value) => value switch
    {
        null or TemplateUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        Dictionary<string, object?> fields => fields.Count > 0,
        _ => true,
    };

    public static string KindOf(object? value) => value switch
    {
        null => "none",
        TemplateUndefined undefined => $"'{undefined.Name}', which is undefined,",
        bool => "a boolean",
        long or double => "a number",
        string => "text",
        List<object?> => "a list",
        Dictionary<string, object?> => "a dictionary",
        TemplateNamespace => "a namespace",
        _ => "a function",
    };

    public static new bool Equals(object? a, object? b) => AreEqual(a, b, 0);

    private static bool AreEqual(object? a, object? b, int depth)
    {
        if (depth > MostDepth) throw new TemplateFault("a value nested too deep");
        return (a, b) switch
        {
            (null, null) => true,
            (string x, string y) => x == y,
            (bool or long or double, bool or long or double) => Number(a) == Number(b),
            (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(pair => AreEqual(pair.First, pair.Second, depth + 1)),
            (Dictionary<string, object?> x, Dictionary<string, object?> y) =>
                x.Count == y.Count && x.All(field => y.TryGetValue(field.Key, out var other) && AreEqual(field.Value, other, depth + 1)),
            (TemplateUndefined, TemplateUndefined) => true,
            _ => ReferenceEquals(a, b),
        };
    }

    public static int Compare(object? a, object? b) => (a, b) switch
    {
        (string x, string y) => string.CompareOrdinal(x, y),
        (bool or long or double, bool or long or double) => Number(a).CompareTo(Number(b)),
        _ => throw new TemplateFault($"{KindOf(a)} compared to {KindOf(b)}"),
    };

    public static bool Contains(object? whole, object? part) => whole switch
    {
        string text => part is string piece ? text.Contains(piece, StringComparison.Ordinal) : throw new TemplateFault($"{KindOf(part)} looked for in text"),
        List<object?> list => list.Exists(item => Equals(item, part)),
        Dictionary<string, object?> fields => part is string name && fields.ContainsKey(name),
        TemplateUndefined => false,
        _ => throw new TemplateFault($"'in' with {KindOf(whole)}"),
    };

    /// <summary>The items of a value; the keys of a dictionary, the characters of a text.</summary>
    public static List<object?> Items(object? value) => value switch
    {
        List<object?> list => list,
        Dictionary<string, object?> fields => [.. fields.Keys],
        string text when text.Length <= 1 << 20 => [.. text.EnumerateRunes().Select(rune => rune.ToString())],
        string => throw new TemplateFault("a text of more than a million characters taken apart"),
        TemplateUndefined => [],
        _ => throw new TemplateFault($"{KindOf(value)} where a list is needed"),
    };

    public static long Whole(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw new TemplateFault($"{KindOf(value)} where a whole number is needed"),
    };

    private static double Number(object? value) => value is double number ? number : Whole(value);

    /// <summary>+ - * / // % of numbers, and + of texts and lists.</summary>
    public static object? Arithmetic(string sign, object? a, object? b)
    {
        switch (sign, a, b)
        {
            case ("+", string x, string y): return Joined(x, y);
            case ("+", List<object?> x, List<object?> y): return x.Count + y.Count <= 1_000_000 ? x.Concat(y).ToList() : throw new TemplateFault("a list of more than a million items");
            case (_, bool or long, bool or long):
                var (m, n) = (Whole(a), Whole(b));
                if (n == 0 && sign is "/" or "//" or "%") throw new TemplateFault("a division by zero");
                return sign switch
                {
                    "+" => (object)checked(m + n), // an object, or all would be doubles
                    "-" => checked(m - n),
                    "*" => checked(m * n),
                    "/" => (double)m / n,
                    "//" => (long)Math.Floor((decimal)m / n),
                    _ => (m % n + n) % n, // the sign is the divisor's
                };
            case (_, bool or long or double, bool or long or double):
                var (p, q) = (Number(a), Number(b));
                if (q == 0 && sign is "/" or "//" or "%") throw new TemplateFault("a division by zero");
                return sign switch { "+" => p + q, "-" => p - q, "*" => p * q, "/" => p / q, "//" => Math.Floor(p / q), _ => p - q * Math.Floor(p / q) };
            default: throw new TemplateFault($"{KindOf(a)} {sign} {KindOf(b)}");
        }
    }

    /// <summary>Two texts as one, of a size that a conversation may have.</summary>
    public static string Joined(string a, string b) => a.Length + (long)b.Length <= 1 << 26 ? a + b : throw new TemplateFault("a text of more than 64 MiB");

    /// <summary>value[key]; undefined where there is no such item.</summary>
    public static object? Item(object? value, object? key) => (value, key) switch
    {
        (Dictionary<string, object?> fields, string name) => fields.TryGetValue(name, out var item) ? item : new TemplateUndefined(name),
        (TemplateNamespace space, string name) => space.Fields.TryGetValue(name, out var item) ? item : new TemplateUndefined(name),
        (List<object?> list, long or bool) => Whole(key) is var at && (at < 0 ? at + list.Count : at) is >= 0 and var place && place < list.Count
            ? list[(int)place] : new TemplateUndefined($"[{at}]"),
        (string text, long or bool) => Item(Items(text), key),
        (TemplateUndefined undefined, _) => throw new TemplateFault($"a field of '{undefined.Name}', which is undefined"),
        _ => new TemplateUndefined(key as string ?? "this item"),
    };

    /// <summary>value[from:to:step] of a list or a text.</summary>
    public static object Slice(object? value, long? from, long? to, long? step)
    {
        if (value is string text) return string.Concat(((List<object?>)Slice(Items(text), from, to, step)).Cast<string>());
        if (value is not List<object?> list) throw new TemplateFault($"a slice of {KindOf(value)}");
        var stride = step ?? 1;
        if (stride == 0) throw new TemplateFault("a slice of step 0");
        var (least, most) = stride > 0 ? (0L, (long)list.Count) : (-1L, list.Count - 1L);
        long Bound(long? given, long otherwise) => given is not { } place ? otherwise : Math.Clamp(place < 0 ? place + list.Count : place, least, most);
        var (at, end) = stride > 0 ? (Bound(from, 0), Bound(to, list.Count)) : (Bound(from, list.Count - 1L), Bound(to, -1L));
        var slice = new List<object?>();
        for (; stride > 0 ? at < end : at > end; at = checked(at + stride)) slice.Add(list[(int)at]);
        return slice;
    }
}
