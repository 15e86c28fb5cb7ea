namespace Evo.Data;

/// <summary>The filters and tests of Jinja that chat templates use.</summary>
internal static class TemplateFilters
{
    private static readonly Dictionary<string, Func<object?, TemplateArguments, object?>> Filters = new()
    {
        ["trim"] = (value, arguments) => TemplateMethods.Stripped(TemplateText.Of(value), arguments, true, true),
        ["tojson"] = (value, arguments) => TemplateText.Json(value, arguments.At(0, "indent", null) is { } indent ? Width(indent) : null),
        ["length"] = (value, _) => (long)Length(value),
        ["count"] = (value, _) => (long)Length(value),
        ["join"] = (value, arguments) => Joined(TemplateValues.Items(value).ConvertAll(TemplateText.Of), TemplateText.Of(arguments.At(0, "d", ""))),
        ["default"] = Default,
        ["d"] = Default,
        ["upper"] = (value, _) => TemplateText.Of(value).ToUpperInvariant(),
        ["lower"] = (value, _) => TemplateText.Of(value).ToLowerInvariant(),
        ["capitalize"] = (value, _) => TemplateMethods.Capitalized(TemplateText.Of(value)),
        ["title"] = (value, _) => TemplateMethods.Title(TemplateText.Of(value)),
        ["replace"] = (value, arguments) => TemplateMethods.Replaced(
            TemplateText.Of(value), TemplateMethods.Text(arguments.At(0, "old", null)), TemplateMethods.Text(arguments.At(1, "new", null))),
        ["first"] = (value, _) => TemplateValues.Items(value) is [var first, ..] ? first : new TemplateUndefined("the first item of nothing"),
        ["last"] = (value, _) => TemplateValues.Items(value) is [.., var last] ? last : new TemplateUndefined("the last item of nothing"),
        ["list"] = (value, _) => TemplateValues.Items(value).ToList(),
        ["items"] = (value, _) => value is Dictionary<string, object?> fields ? TemplateMethods.Find(fields, "items")!(new([], new Dictionary<string, object?>()))
            : value is TemplateUndefined ? new List<object?>() : throw new TemplateFault($"the items of {TemplateValues.KindOf(value)}"),
        ["dictsort"] = (value, _) => value is Dictionary<string, object?> fields
            ? fields.OrderBy(field => field.Key.ToLowerInvariant(), StringComparer.Ordinal).Select(field => (object?)new TemplateTuple([field.Key, field.Value])).ToList()
            : throw new TemplateFault($"the items of {TemplateValues.KindOf(value)}"),
        ["reverse"] = (value, _) => value is string text ? string.Concat(TemplateValues.Items(text).AsEnumerable().Reverse().Cast<string>())
            : TemplateValues.Items(value).AsEnumerable().Reverse().ToList(),
        ["string"] = (value, _) => TemplateText.Of(value),
        ["int"] = (value, _) => value is string text ? long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0L
            : value is double real ? checked((long)real) : TemplateValues.Whole(value),
        ["safe"] = (value, _) => value,
        ["indent"] = Indent,
        ["map"] = (value, arguments) => arguments.Names.TryGetValue("attribute", out var field) ? TemplateValues.Items(value).ConvertAll(item => Field(item, field))
            : Find(TemplateMethods.Text(arguments.At(0, "filter", null))) is { } filter
                ? TemplateValues.Items(value).ConvertAll(item => filter(item, new([.. arguments.Places.Skip(1)], arguments.Names)))
                : throw new TemplateFault($"the filter '{arguments.Places[0]}'"),
        ["selectattr"] = (value, arguments) => Chosen(value, arguments, byField: true, wanted: true),
        ["rejectattr"] = (value, arguments) => Chosen(value, arguments, byField: true, wanted: false),
        ["select"] = (value, arguments) => Chosen(value, arguments, byField: false, wanted: true),
        ["reject"] = (value, arguments) => Chosen(value, arguments, byField: false, wanted: false),
    };

    private static readonly Dictionary<string, Func<object?, TemplateArguments?, bool>> Tests = new()
    {
        ["defined"] = (value, _) => value is not TemplateUndefined,
        ["undefined"] = (value, _) => value is TemplateUndefined,
        ["none"] = (value, _) => value is null,
        ["string"] = (value, _) => value is string,
        ["boolean"] = (value, _) => value is bool,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["integer"] = (value, _) => value is long,
        ["float"] = (value, _) => value is double,
        ["number"] = (value, _) => value is long or double or bool,
        ["mapping"] = (value, _) => value is Dictionary<string, object?>,
        ["sequence"] = (value, _) => value is string or List<object?> or Dictionary<string, object?>,
        ["iterable"] = (value, _) => value is string or List<object?> or Dictionary<string, object?> or TemplateUndefined,
        ["callable"] = (value, _) => value is TemplateCall,
        ["odd"] = (value, _) => TemplateValues.Whole(value) % 2 != 0,
        ["even"] = (value, _) => TemplateValues.Whole(value) % 2 == 0,
        ["equalto"] = (value, arguments) => TemplateValues.Equals(value, First(arguments)),
        ["eq"] = (value, arguments) => TemplateValues.Equals(value, First(arguments)),
        ["ne"] = (value, arguments) => !TemplateValues.Equals(value, First(arguments)),
        ["in"] = (value, arguments) => TemplateValues.Contains(First(arguments), value),
    };

    public static string Names => string.Join(", ", Filters.Keys);

    public static string TestNames => string.Join(", ", Tests.Keys);

    public static Func<object?, TemplateArguments, object?>? Find(string name) => Filters.GetValueOrDefault(name);

    public static Func<object?, TemplateArguments?, bool>? Test(string name) => Tests.GetValueOrDefault(name);

    private static object? First(TemplateArguments? arguments) => arguments is { Places: [var first, ..] } ? first : throw new TemplateFault("a test without the value to compare to");

    private static object? Default(object? value, TemplateArguments arguments) =>
        value is TemplateUndefined || (TemplateValues.IsTrue(arguments.At(1, "boolean", false)) && !TemplateValues.IsTrue(value))
            ? arguments.At(0, "default_value", "") : value;

    private static int Length(object? value) => value is string text ? text.EnumerateRunes().Count() : TemplateValues.Items(value).Count;

    private static string Joined(List<string> parts, string between)
    {
        if (parts.Sum(part => (long)part.Length + between.Length) > 1 << 26) throw new TemplateFault("a text of more than 64 MiB");
        return string.Join(between, parts);
    }

    private static int Width(object? value) => TemplateValues.Whole(value) is >= 0 and <= 64 and var width ? (int)width : throw new TemplateFault("an indent beyond 64");

    // Every line but the first one, and those that are empty, is moved in.
    private static string Indent(object? value, TemplateArguments arguments)
    {
        var inner = new string(' ', Width(arguments.At(0, "width", 4L)));
        var all = TemplateValues.IsTrue(arguments.At(1, "first", false));
        return Joined([.. TemplateText.Of(value).Split('\n').Select((line, i) => line.Length > 0 && (all || i > 0) ? inner + line : line)], "\n");
    }

    private static object? Field(object? item, object? path) =>
        TemplateText.Of(path).Split('.').Aggregate(item, (value, name) =>
            TemplateValues.Item(value, long.TryParse(name, System.Globalization.CultureInfo.InvariantCulture, out var place) ? place : name));

    // Items, or their fields, that are true or pass a test.
    private static List<object?> Chosen(object? value, TemplateArguments arguments, bool byField, bool wanted)
    {
        var rest = arguments.Places.Skip(byField ? 1 : 0).ToList();
        var field = byField ? arguments.At(0, "attr", null) : null;
        Func<object?, TemplateArguments?, bool> test = rest.Count == 0 ? (item, _) => TemplateValues.IsTrue(item)
            : Test(TemplateText.Of(rest[0]) is "==" ? "eq" : TemplateText.Of(rest[0])) ?? throw new TemplateFault($"the test '{TemplateText.Of(rest[0])}'");
        var given = new TemplateArguments([.. rest.Skip(1)], arguments.Names);
        return TemplateValues.Items(value).FindAll(item => test(byField ? Field(item, field) : item, given) == wanted);
    }
}
