using System.Globalization;
using System.Text.Json;

namespace Evo.Data;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c> …</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>A conversation as text.</summary>
/// <param name="Text">The text, to be encoded with <see cref="EncodeMode.ParseSpecial"/>.</param>
/// <param name="Generated">Where the template marks text as the model's own (<c>{% generation %}</c>), in UTF-16 characters.</param>
public sealed record ChatText(string Text, IReadOnlyList<Range> Generated);

/// <summary>
/// A chat template: the part of Jinja that the templates of language models are written in, run with the settings that
/// Hugging Face gives it. What it does not know is refused at its line when the template is read; what cannot be
/// rendered, or what the template itself refuses by <c>raise_exception</c>, when it is used.
/// </summary>
public sealed class JinjaTemplate
{
    private readonly string where;
    private readonly TemplateStatement body;

    /// <summary>Reads a template; the place is for messages. Throws <see cref="DataException"/> at what is not known.</summary>
    public JinjaTemplate(string where, string text)
    {
        (this.where, Text) = (where, text);
        body = new TemplateStatements(where, new TemplateLexer(where, text).Read()).Read();
    }

    /// <summary>The template as it is written.</summary>
    public string Text { get; }

    /// <summary>Renders messages.</summary>
    /// <param name="messages">What has been said.</param>
    /// <param name="generate">Whether the text ends where the model's answer begins.</param>
    /// <param name="values">What else the template asks for, as <c>bos_token</c> or <c>tools</c>: null, bool, long, double, string, or JSON.</param>
    public ChatText Render(IEnumerable<ChatMessage> messages, bool generate, IReadOnlyDictionary<string, object?>? values = null) =>
        Render(JsonSerializer.SerializeToElement(messages.Select(message => new Dictionary<string, string> { ["role"] = message.Role, ["content"] = message.Content })),
            generate, values);

    /// <summary>Renders messages in JSON, with whatever fields they have.</summary>
    /// <inheritdoc cref="Render(IEnumerable{ChatMessage}, bool, IReadOnlyDictionary{string, object})"/>
    public ChatText Render(JsonElement messages, bool generate, IReadOnlyDictionary<string, object?>? values = null)
    {
        try
        {
            var scope = new TemplateScope(Given(messages, generate, values));
            body(scope);
            return new(scope.Output.ToString(), [.. scope.Generated.Select(part => part.Start..part.End)]);
        }
        catch (TemplateFault fault)
        {
            throw new DataException(where, fault.Message, "the template cannot be rendered so");
        }
    }

    // The names that a template sees.
    private static Dictionary<string, object?> Given(JsonElement messages, bool generate, IReadOnlyDictionary<string, object?>? values)
    {
        var given = new Dictionary<string, object?>
        {
            ["messages"] = TemplateValues.Of(messages),
            ["add_generation_prompt"] = generate,
            ["tools"] = null,
            ["documents"] = null,
            ["namespace"] = (TemplateCall)Namespace,
            ["range"] = (TemplateCall)Range,
            ["dict"] = (TemplateCall)(arguments => arguments.Names.ToDictionary()),
            ["raise_exception"] = (TemplateCall)(arguments => throw new TemplateFault($"the template refuses this: {TemplateText.Of(arguments.At(0, "message", ""))}")),
            ["strftime_now"] = (TemplateCall)(arguments => Date(TemplateMethods.Text(arguments.At(0, "format", null)))),
        };
        foreach (var (name, value) in values ?? new Dictionary<string, object?>())
            given[name] = value switch { JsonElement json => TemplateValues.Of(json), int number => (long)number, _ => value };
        return given;
    }

    private static TemplateNamespace Namespace(TemplateArguments arguments)
    {
        var made = new TemplateNamespace();
        foreach (var (name, value) in arguments.Names) made.Fields[name] = value;
        return made;
    }

    private static List<object?> Range(TemplateArguments arguments)
    {
        var numbers = arguments.Places.Select(TemplateValues.Whole).ToList();
        var (from, to, step) = numbers switch
        {
            [var end] => (0L, end, 1L),
            [var start, var end] => (start, end, 1L),
            [var start, var end, var stride] when stride != 0 => (start, end, stride),
            _ => throw new TemplateFault("a range of other than one to three numbers, the third not 0"),
        };
        var made = new List<object?>();
        for (var at = from; step > 0 ? at < to : at > to; at = checked(at + step))
            if (made.Count < 100_000) made.Add(at);
            else throw new TemplateFault("a range of more than 100000 numbers");
        return made;
    }

    // The letters of strftime that templates ask for.
    private static string Date(string format)
    {
        var (now, made) = (DateTime.Now, "");
        for (var i = 0; i < format.Length; i++)
            made += format[i] != '%' || i + 1 == format.Length ? format[i] : format[++i] switch
            {
                'd' => now.ToString("dd", CultureInfo.InvariantCulture),
                'm' => now.ToString("MM", CultureInfo.InvariantCulture),
                'Y' => now.ToString("yyyy", CultureInfo.InvariantCulture),
                'y' => now.ToString("yy", CultureInfo.InvariantCulture),
                'b' => now.ToString("MMM", CultureInfo.InvariantCulture),
                'B' => now.ToString("MMMM", CultureInfo.InvariantCulture),
                'a' => now.ToString("ddd", CultureInfo.InvariantCulture),
                'A' => now.ToString("dddd", CultureInfo.InvariantCulture),
                'H' => now.ToString("HH", CultureInfo.InvariantCulture),
                'M' => now.ToString("mm", CultureInfo.InvariantCulture),
                'S' => now.ToString("ss", CultureInfo.InvariantCulture),
                '%' => "%",
                var other => throw new TemplateFault($"the date format '%{other}'"),
            };
        return made;
    }
}
