namespace Evo.Data;

/// <summary>The marks that a vocabulary's files put around a text.</summary>
internal sealed record SpecialTemplate(IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    public static SpecialTemplate None { get; } = new([], []);

    /// <summary>Reads the post-processor of a tokenizer.json as it treats one text.</summary>
    public static SpecialTemplate Read(JsonPlace? found)
    {
        if (found is not { } place) return None;
        var type = place["type"].Text;
        switch (type)
        {
            case "ByteLevel": // only trims places
                return None;
            case "Sequence":
                var all = place["processors"].Elements.Select(step => Read(step)).ToList();
                return new([.. all.AsEnumerable().Reverse().SelectMany(step => step.Before)], [.. all.SelectMany(step => step.After)]);
            case "BertProcessing" or "RobertaProcessing":
                return new([Pair(place["cls"])], [Pair(place["sep"])]);
            case "TemplateProcessing":
                return Template(place);
            default:
                throw StepReader.Unknown(place, type, "Sequence, ByteLevel, TemplateProcessing, BertProcessing and RobertaProcessing");
        }
    }

    private static SpecialTemplate Template(JsonPlace place)
    {
        var (before, after, seen) = (new List<int>(), new List<int>(), false);
        foreach (var item in place["single"].Elements)
        {
            if (item.Find("Sequence") is not null)
            {
                if (seen) throw item.Bad("the text a second time", "it stands once");
                seen = true;
                continue;
            }
            var name = item["SpecialToken"]["id"];
            var ids = (place["special_tokens"].Find(name.Text) ?? throw name.Bad($"\"{name.Text}\"", "it must be among the special_tokens"))["ids"];
            (seen ? after : before).AddRange(ids.Elements.Select(id => id.Id));
        }
        if (!seen) throw place["single"].Bad("no Sequence", "the text must stand somewhere");
        return new(before, after);
    }

    private static int Pair(JsonPlace place) =>
        place.Elements.ToList() is [_, var id] ? id.Id : throw place.Bad("something else", "a token and its id must stand here");
}
