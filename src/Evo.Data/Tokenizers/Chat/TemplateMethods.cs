namespace Evo.Data;

/// <summary>The methods of Python's texts and dictionaries that templates call.</summary>
internal static class TemplateMethods
{
    /// <summary>A method of a value, or null where it has none of that name.</summary>
    public static TemplateCall? Find(object? value, string name) => value switch
    {
        string text => OfText(text, name),
        Dictionary<string, object?> fields => OfFields(fields, name),
        _ => null,
    };

    private static TemplateCall? OfFields(Dictionary<string, object?> fields, string name) => name switch
    {
        "items" => _ => fields.Select(field => (object?)new TemplateTuple([field.Key, field.Value])).ToList(),
        "keys" => _ => fields.Keys.Cast<object?>().ToList(),
        "values" => _ => fields.Values.ToList(),
        "get" => arguments => fields.TryGetValue(Text(arguments.At(0, "key", null)), out var found) ? found : arguments.At(1, "default", null),
        _ => null,
    };

    private static TemplateCall? OfText(string text, string name) => name switch
    {
        "strip" => arguments => Stripped(text, arguments, true, true),
        "lstrip" => arguments => Stripped(text, arguments, true, false),
        "rstrip" => arguments => Stripped(text, arguments, false, true),
        "startswith" => arguments => Any(arguments.At(0, "prefix", null), part => text.StartsWith(part, StringComparison.Ordinal)),
        "endswith" => arguments => Any(arguments.At(0, "suffix", null), part => text.EndsWith(part, StringComparison.Ordinal)),
        "split" => arguments => Split(text, arguments),
        "replace" => arguments => Replaced(text, Text(arguments.At(0, "old", null)), Text(arguments.At(1, "new", null))),
        "upper" => _ => text.ToUpperInvariant(),
        "lower" => _ => text.ToLowerInvariant(),
        "capitalize" => _ => Capitalized(text),
        "title" => _ => Title(text),
        _ => null,
    };

    public static string Stripped(string text, TemplateArguments arguments, bool left, bool right)
    {
        var signs = arguments.At(0, "chars", null) is { } given ? Text(given).ToCharArray() : TemplateText.Spaces;
        if (left) text = signs.Length == 0 ? text : text.TrimStart(signs);
        return right && signs.Length > 0 ? text.TrimEnd(signs) : text;
    }

    public static string Replaced(string text, string old, string with)
    {
        if (old.Length == 0) throw new TemplateFault("an empty text to replace");
        if (with.Length > old.Length && text.Length / old.Length * (long)with.Length > 1 << 26) throw new TemplateFault("a text of more than 64 MiB");
        return text.Replace(old, with, StringComparison.Ordinal);
    }

    public static string Capitalized(string text) => text.Length == 0 ? "" : text[..1].ToUpperInvariant() + text[1..].ToLowerInvariant();

    /// <summary>Upper case for letters that no letter stands before, lower case for the others.</summary>
    public static string Title(string text)
    {
        var made = text.ToCharArray();
        for (var i = 0; i < made.Length; i++)
            made[i] = i > 0 && char.IsLetter(text[i - 1]) ? char.ToLowerInvariant(text[i]) : char.ToUpperInvariant(text[i]);
        return new(made);
    }

    public static string Text(object? value) => value as string ?? throw new TemplateFault($"{TemplateValues.KindOf(value)} where text is needed");

    private static bool Any(object? given, Func<string, bool> holds) =>
        given is List<object?> several ? several.Exists(part => holds(Text(part))) : holds(Text(given));

    private static List<object?> Split(string text, TemplateArguments arguments)
    {
        var most = arguments.At(1, "maxsplit", -1L) is var given && TemplateValues.Whole(given) is var count and >= 0 and < int.MaxValue ? (int)count + 1 : int.MaxValue;
        if (arguments.At(0, "sep", null) is { } separator)
            return Text(separator).Length > 0 ? [.. text.Split(Text(separator), most)] : throw new TemplateFault("an empty text to split at");
        return most == int.MaxValue ? [.. text.Split(TemplateText.Spaces, StringSplitOptions.RemoveEmptyEntries)] : throw new TemplateFault("a limited split at spaces");
    }
}
