using System.Globalization;
using System.Text;

namespace Evo.Data;

/// <summary>How Python writes values, which is how templates print them.</summary>
internal static class TemplateText
{
    private const int MostDepth = 100;

    /// <summary>What Python's strip takes away.</summary>
    public static char[] Spaces { get; } = [.. Enumerable.Range(0, 0x10000).Select(code => (char)code).Where(c => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f')];

    /// <summary>A value as text.</summary>
    public static string Of(object? value) => value is string text ? text : Repr(value, 0);

    /// <summary>A value as JSON with Python's spaces: no character is escaped that need not be.</summary>
    public static string Json(object? value, int? indent) => Json(value, indent, 0);

    private static string Repr(object? value, int depth)
    {
        if (depth > MostDepth) throw new TemplateFault("a value nested too deep");
        return value switch
        {
            null => "None",
            TemplateUndefined => "",
            bool flag => flag ? "True" : "False",
            long number => number.ToString(CultureInfo.InvariantCulture),
            double number => Number(number),
            string text => Quoted(text),
            TemplateTuple tuple => $"({string.Join(", ", tuple.Select(item => Repr(item, depth + 1)))}{(tuple.Count == 1 ? "," : "")})",
            List<object?> list => $"[{string.Join(", ", list.Select(item => Repr(item, depth + 1)))}]",
            Dictionary<string, object?> fields => $"{{{string.Join(", ", fields.Select(field => $"{Quoted(field.Key)}: {Repr(field.Value, depth + 1)}"))}}}",
            _ => throw new TemplateFault($"{TemplateValues.KindOf(value)} where text is needed"),
        };
    }

    private static string Quoted(string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var made = new StringBuilder().Append(quote);
        foreach (var c in text)
            if (c == quote || c == '\\') made.Append('\\').Append(c);
            else if (c == '\n') made.Append("\\n");
            else if (c == '\r') made.Append("\\r");
            else if (c == '\t') made.Append("\\t");
            else if (char.IsControl(c)) made.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            else made.Append(c);
        return made.Append(quote).ToString();
    }

    private static string Number(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.') || text.Contains('E') || !double.IsFinite(number) ? text.Replace("E", "e") : text + ".0";
    }

    private static string Json(object? value, int? indent, int depth)
    {
        if (depth > MostDepth) throw new TemplateFault("a value nested too deep");
        return value switch
        {
            null => "null",
            bool flag => flag ? "true" : "false",
            long or double => Repr(value, 0),
            string text => JsonText(text),
            List<object?> list => Joined('[', list.Select(item => Json(item, indent, depth + 1)), ']', indent, depth),
            Dictionary<string, object?> fields =>
                Joined('{', fields.Select(field => $"{JsonText(field.Key)}: {Json(field.Value, indent, depth + 1)}"), '}', indent, depth),
            _ => throw new TemplateFault($"{TemplateValues.KindOf(value)} where JSON is needed"),
        };
    }

    private static string Joined(char open, IEnumerable<string> parts, char close, int? indent, int depth)
    {
        var all = parts.ToList();
        if (indent is not { } width || all.Count == 0) return $"{open}{string.Join(", ", all)}{close}";
        var (inner, outer) = (new string(' ', width * (depth + 1)), new string(' ', width * depth));
        return $"{open}\n{inner}{string.Join($",\n{inner}", all)}\n{outer}{close}";
    }

    private static string JsonText(string text)
    {
        var made = new StringBuilder("\"");
        foreach (var c in text)
            switch (c)
            {
                case '"' or '\\': made.Append('\\').Append(c); break;
                case '\n': made.Append("\\n"); break;
                case '\r': made.Append("\\r"); break;
                case '\t': made.Append("\\t"); break;
                case '\b': made.Append("\\b"); break;
                case '\f': made.Append("\\f"); break;
                case < ' ': made.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default: made.Append(c); break;
            }
        return made.Append('"').ToString();
    }
}
