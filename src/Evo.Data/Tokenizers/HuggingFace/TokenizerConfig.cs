namespace Evo.Data;

/// <summary>
/// What a tokenizer_config.json says beside the vocabulary: the texts of the marks, whether they are put around a
/// text, tokens added on top, and the chat template.
/// </summary>
internal sealed record TokenizerConfig
{
    /// <summary>That of a vocabulary with no such file.</summary>
    public static TokenizerConfig Empty { get; } = new();

    public const string FileName = "tokenizer_config.json", TemplateFileName = "chat_template.jinja";

    /// <summary>The texts of the marks; null where the file names none.</summary>
    public string? Bos { get; init; }

    public string? Eos { get; init; }

    public string? Pad { get; init; }

    public string? Unk { get; init; }

    /// <summary>Whether the begin mark is put before a text; null where the file does not say.</summary>
    public bool? AddBos { get; init; }

    public bool? AddEos { get; init; }

    /// <summary>Tokens on top of a vocabulary, each with its id.</summary>
    public IReadOnlyList<AddedToken> Added { get; init; } = [];

    /// <summary>The chat template, and where it stands.</summary>
    public (string Where, string Text)? ChatTemplate { get; init; }

    /// <summary>The chat template, read; null where there is none.</summary>
    public JinjaTemplate? ReadTemplate() => ChatTemplate is var (place, text) ? new JinjaTemplate(place, text) : null;

    /// <summary>Reads the file of a folder, and the template beside it; <see cref="Empty"/> where there is neither.</summary>
    public static TokenizerConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        var config = Empty;
        if (File.Exists(path))
        {
            var place = JsonPlace.Open(path, out var document);
            using (document) config = Of(place);
        }
        // A template in a file of its own is newer than one in the config.
        var template = Path.Combine(folder, TemplateFileName);
        try
        {
            return File.Exists(template) ? config with { ChatTemplate = (template, File.ReadAllText(template)) } : config;
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(template, "read", error);
        }
    }

    /// <summary>Reads the values of a file.</summary>
    public static TokenizerConfig Of(JsonPlace place) => new()
    {
        Bos = Mark(place.Find("bos_token")),
        Eos = Mark(place.Find("eos_token")),
        Pad = Mark(place.Find("pad_token")),
        Unk = Mark(place.Find("unk_token")),
        AddBos = place.Find("add_bos_token")?.IsTrue,
        AddEos = place.Find("add_eos_token")?.IsTrue,
        Added = place.Find("added_tokens_decoder") is { } added ? [.. added.Fields.Select(field => AddedToken.Read(field.Place, IdOf(field.Name, field.Place)))] : [],
        ChatTemplate = place.Find("chat_template") is { } template ? Template(template) : null,
    };

    // A mark is its text, or an object with it.
    private static string? Mark(JsonPlace? place) => place is not { } mark ? null : mark.IsText ? mark.Text : mark["content"].Text;

    // Less than the largest number, which is a size of a vocabulary at most.
    private static int IdOf(string name, JsonPlace place) =>
        int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id) && id < int.MaxValue
            ? id : throw place.Bad($"\"{name}\"", "the name must be the id of the token");

    // One template, or several with names, of which "default" is taken.
    private static (string, string) Template(JsonPlace place)
    {
        if (place.IsText) return ($"{place.File}: {place.Path}", place.Text);
        var named = place.Elements.ToList();
        var chosen = named.FirstOrDefault(entry => entry["name"].Text == "default");
        if (chosen.File is null) throw place.Bad("no template named \"default\"", "of several one must be so named");
        return ($"{place.File}: {place.Path}", chosen["template"].Text);
    }
}
