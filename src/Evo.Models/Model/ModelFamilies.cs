namespace Evo.Models;

/// <summary>The families that are known: Evo's own, and those that a user's assembly adds.</summary>
public static class ModelFamilies
{
    private static readonly List<ModelFamily> Known =
    [
        Llama2.ModelFamily, InternLM2.ModelFamily, Gpt2.ModelFamily,
        InternLM.ModelFamily, InternLM3.ModelFamily, Qwen2.ModelFamily, Gemma.ModelFamily, Baichuan2.ModelFamily,
        Mixtral.ModelFamily, Qwen2Moe.ModelFamily, InternLMMoe.ModelFamily,
    ];

    /// <summary>All families, in order of arrival.</summary>
    public static IReadOnlyList<ModelFamily> All
    {
        get { lock (Known) return [.. Known]; }
    }

    /// <summary>The family of that name, architecture or <c>model_type</c>, in any case of letters; null where there is none.</summary>
    public static ModelFamily? Find(string name) => All.FirstOrDefault(f =>
        name.Equals(f.Name, StringComparison.OrdinalIgnoreCase)
        || name.Equals(f.Architecture, StringComparison.OrdinalIgnoreCase)
        || name.Equals(f.ModelType, StringComparison.OrdinalIgnoreCase));

    /// <summary>Adds a family of a user's assembly.</summary>
    /// <exception cref="ArgumentException">Its name or architecture is taken.</exception>
    public static void Add(ModelFamily family)
    {
        lock (Known)
        {
            if (Known.Any(f => f.Name.Equals(family.Name, StringComparison.OrdinalIgnoreCase) || f.Architecture == family.Architecture))
                throw new ArgumentException($"a family named {family.Name} or {family.Architecture} is known already", nameof(family));
            Known.Add(family);
        }
    }
}
