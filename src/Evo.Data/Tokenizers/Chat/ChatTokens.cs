using System.Text;

namespace Evo.Data;

/// <summary>Conversations as tokens.</summary>
public static class ChatTokens
{
    // A noncharacter, which no text holds: it stands inside marks that somebody wrote in a message.
    private const char Guard = '\uFDD0';

    /// <summary>
    /// The ids of a conversation, by a template. The template's marks become their tokens; a mark that is written in a
    /// message stays text, encoded on its own.
    /// </summary>
    public static IReadOnlyList<int> Encode(
        Tokenizer tokenizer, JinjaTemplate template, IEnumerable<ChatMessage> messages, bool generate, IReadOnlyDictionary<string, object?>? values = null)
    {
        string[] marks = [.. tokenizer.SpecialTexts.Where(mark => mark.Length > 0).OrderByDescending(mark => mark.Length)];
        var guarded = messages.Select(message => message with { Content = Guarded(message.Content, marks) });
        var text = template.Render(guarded, generate, With(values, tokenizer)).Text;

        var ids = new List<int>();
        var from = 0;
        for (var guard = text.IndexOf(Guard); guard >= 0; guard = text.IndexOf(Guard, from))
        {
            // The guard stands behind the first character of the mark.
            var mark = Array.Find(marks, candidate => guard > from && string.CompareOrdinal(text, guard - 1, candidate, 0, 1) == 0
                && string.CompareOrdinal(text, guard + 1, candidate, 1, candidate.Length - 1) == 0);
            ids.AddRange(tokenizer.EncodeToIds(text.AsSpan(from, guard - from - (mark is null ? 0 : 1)), EncodeMode.ParseSpecial));
            if (mark is not null) ids.AddRange(tokenizer.EncodeToIds(mark));
            from = guard + (mark?.Length ?? 1);
        }
        ids.AddRange(tokenizer.EncodeToIds(text.AsSpan(from), EncodeMode.ParseSpecial));
        return ids;
    }

    private static string Guarded(string content, string[] marks)
    {
        content = content.Replace(Guard, '\uFFFD');
        if (!Array.Exists(marks, mark => content.Contains(mark, StringComparison.Ordinal))) return content;
        var made = new StringBuilder();
        for (var at = 0; at < content.Length;)
        {
            var mark = Array.Find(marks, candidate => string.CompareOrdinal(content, at, candidate, 0, candidate.Length) == 0);
            made.Append(content[at++]);
            if (mark is null) continue;
            made.Append(Guard).Append(mark, 1, mark.Length - 1);
            at += mark.Length - 1;
        }
        return made.ToString();
    }

    // Templates ask for the texts of the marks by these names.
    private static Dictionary<string, object?> With(IReadOnlyDictionary<string, object?>? values, Tokenizer tokenizer)
    {
        var all = new Dictionary<string, object?>();
        foreach (var (name, id) in new[] { ("bos_token", tokenizer.BosId), ("eos_token", tokenizer.EosId), ("pad_token", tokenizer.PadId), ("unk_token", tokenizer.UnkId) })
            if (id is { } found) all[name] = tokenizer.IdToPiece(found);
        foreach (var (name, value) in values ?? new Dictionary<string, object?>()) all[name] = value;
        return all;
    }
}
