using System.Text.Json;

namespace Evo.Data;

/// <summary>Who speaks in a conversation.</summary>
public enum Speaker
{
    /// <summary>Whoever sets the scene.</summary>
    System,

    /// <summary>Whoever asks.</summary>
    User,

    /// <summary>The model: what it says is learned.</summary>
    Assistant,

    /// <summary>A tool that answers the model.</summary>
    Environment,
}

/// <summary>What one of them says.</summary>
public sealed record Turn(Speaker Speaker, string Text);

/// <summary>
/// A conversation as people publish them: Alpaca's <c>{instruction, input, output, system, history}</c>, ShareGPT's
/// <c>{conversations: [{from, value}]}</c>, and the messages of ChatML, <c>{messages: [{role, content}]}</c>. Which of them an object
/// is, its fields say.
/// </summary>
public static class Conversation
{
    private const string Rule = "a conversation is Alpaca's {instruction, input, output}, ShareGPT's {conversations: [{from, value}]} or {messages: [{role, content}]}";

    /// <summary>The turns of a JSON object; at least one is the assistant's.</summary>
    /// <param name="json">The object in UTF-8.</param>
    /// <param name="where">File and line, for errors.</param>
    public static IReadOnlyList<Turn> Read(ReadOnlyMemory<byte> json, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) throw new DataException(where, "no JSON object", Rule);
            IReadOnlyList<Turn> turns = root.TryGetProperty("messages", out var messages) ? Turns(messages, "messages", where)
                : root.TryGetProperty("conversations", out var talk) ? Turns(talk, "conversations", where)
                : root.TryGetProperty("instruction", out _) ? Alpaca(root, where)
                : throw new DataException(where, $"the fields {string.Join(", ", root.EnumerateObject().Select(field => field.Name).Take(8))}", Rule);
            return turns.Any(turn => turn.Speaker == Speaker.Assistant) ? turns
                : throw new DataException(where, "a conversation in which the assistant says nothing", "what it says is what is learned", "remove the line");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new DataException(where, $"not valid JSON: {error.Message}", Rule, null, error);
        }
    }

    private static List<Turn> Alpaca(JsonElement root, string where)
    {
        var turns = new List<Turn>();
        if (Optional(root, "system", where) is { Length: > 0 } system) turns.Add(new Turn(Speaker.System, system));
        if (root.TryGetProperty("history", out var history) && history.ValueKind != JsonValueKind.Null)
            foreach (var pair in Elements(history, "history", where))
            {
                if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2)
                    throw new DataException(where, "a part of 'history' that is no pair", "history is a list of [question, answer]");
                turns.Add(new Turn(Speaker.User, Text(pair[0], "history", where)));
                turns.Add(new Turn(Speaker.Assistant, Text(pair[1], "history", where)));
            }
        var instruction = Text(root.GetProperty("instruction"), "instruction", where);
        turns.Add(new Turn(Speaker.User, Optional(root, "input", where) is { Length: > 0 } input ? $"{instruction}\n{input}" : instruction));
        turns.Add(new Turn(Speaker.Assistant, Optional(root, "output", where) ?? throw new DataException(where, "no field 'output'", Rule)));
        return turns;
    }

    private static List<Turn> Turns(JsonElement list, string field, string where)
    {
        var turns = new List<Turn>();
        foreach (var turn in Elements(list, field, where))
        {
            if (turn.ValueKind != JsonValueKind.Object) throw new DataException(where, $"a part of '{field}' that is no object", Rule);
            var isShareGpt = turn.TryGetProperty("from", out var from);
            if (!isShareGpt && !turn.TryGetProperty("role", out from)) throw new DataException(where, $"a part of '{field}' without 'role' or 'from'", Rule);
            var said = isShareGpt ? "value" : "content";
            if (!turn.TryGetProperty(said, out var text)) throw new DataException(where, $"a part of '{field}' without '{said}'", Rule);
            turns.Add(new Turn(Who(Text(from, isShareGpt ? "from" : "role", where), where), Text(text, said, where)));
        }
        return turns;
    }

    private static Speaker Who(string name, string where) => name switch
    {
        "system" => Speaker.System,
        "user" or "human" => Speaker.User,
        "assistant" or "gpt" => Speaker.Assistant,
        "environment" or "tool" or "function" or "observation" => Speaker.Environment,
        _ => throw new DataException(where, $"a speaker '{name}'", "known are system, user (human), assistant (gpt) and environment (tool, function, observation)", "rename it"),
    };

    private static JsonElement.ArrayEnumerator Elements(JsonElement list, string field, string where) =>
        list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw new DataException(where, $"field '{field}' is no list", Rule);

    private static string? Optional(JsonElement root, string field, string where) =>
        root.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? Text(value, field, where) : null;

    private static string Text(JsonElement value, string field, string where) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new DataException(where, $"field '{field}' is no text", Rule);
}
