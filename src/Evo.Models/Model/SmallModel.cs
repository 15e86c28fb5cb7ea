namespace Evo.Models;

/// <summary>Any model made small, so that it runs thousands of times: its sizes by role, whatever its properties are called.</summary>
public static class SmallModel
{
    /// <summary>The model with small sizes; those that are unset and may be stay so.</summary>
    public static CausalLM Of(CausalLM spec) => spec.SizeProperties.Aggregate(spec, (small, property) =>
        property.Value is not null && Size(property.Role) is { } size ? small.Resized(property.Name, size) : small);

    /// <summary>The model with another value of every size of a role.</summary>
    public static CausalLM With(CausalLM spec, SizeRole role, int value) =>
        spec.SizeProperties.Where(property => property.Role == role).Aggregate(spec, (small, property) => small.Resized(property.Name, value));

    // Sizes that divide by 1, 2, 4 and 8 where heads and widths must, and a vocabulary that divides by none of them.
    private static int? Size(SizeRole role) => role switch
    {
        SizeRole.Layers => 2,
        SizeRole.Vocabulary => 37,
        SizeRole.Positions => 64,
        SizeRole.Width => 32,
        SizeRole.Heads => 8,
        SizeRole.KvHeads => 2,
        // No quotient of a width and a number of heads: where a head has a size of its own, nothing may rely on that.
        SizeRole.HeadSize => 6,
        SizeRole.Window => 5,
        SizeRole.Experts => 8,
        SizeRole.Choices => 2,
        SizeRole.Inner => 24,
        _ => null,
    };
}
