// The forwards of the modes as C#.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal static class ModeEmitter
{
    /// <summary>The method of a block's forward in a mode.</summary>
    public static string Method(BlockSpec block, Mode mode) => block.ForwardName + mode;

    public static void Forwards(SourceWriter writer, BlockSpec block, Programs programs)
    {
        foreach (var mode in Programs.Modes)
        {
            var program = programs.Of(block, mode);
            var input = FirstName(block, mode);
            if (program.Staged is { } staged)
            {
                // Between the two stand the layers, on this rank or on others.
                Forward(writer, Title(block, mode, "up to its layers"), Enter(mode), input, staged.Enter);
                Forward(writer, Title(block, mode, "behind its layers"), Exit(mode), staged.Between, staged.Exit);
            }
            else
            {
                Forward(writer, Title(block, mode), Method(block, mode), input, program.Body);
            }
        }
    }

    /// <summary>The method of a model's forward up to its layers.</summary>
    public static string Enter(Mode mode) => "Enter" + mode;

    /// <summary>The method of a model's forward behind its layers.</summary>
    public static string Exit(Mode mode) => "Exit" + mode;

    private static void Forward(SourceWriter writer, string title, string method, string input, IReadOnlyList<Statement> body)
    {
        writer.Line($"/// <summary>{title}</summary>");
        writer.Open($"private {Names.Tensor} {method}({Names.Tensor} {input}, {Names.Positions} at)");
        Body(writer, body);
        writer.Close();
        writer.Line();
    }

    public static void Heads(SourceWriter writer, ModelSpec spec, Programs programs)
    {
        foreach (var mode in Programs.Modes)
        {
            var head = programs.Head(mode);
            writer.Line($"private ({Names.Tensor} lossSum, {Names.Tensor} count, {Names.Tensor} right, {Names.Tensor} zSum) Loss{mode}({Names.Tensor} hidden, {Names.Tensor} labels, double labelSmoothing, double zLoss)");
            writer.Open();
            Body(writer, head.Loss);
            writer.Close();
            writer.Line();
            writer.Open($"private {Names.Tensor} Logits{mode}({Names.Tensor} hidden)");
            Body(writer, head.Logits);
            writer.Close();
            writer.Line();
        }
    }

    /// <summary>A switch over the modes, as the body of an expression.</summary>
    public static void Switch(SourceWriter writer, string head, string subject, System.Func<Mode, string> call)
    {
        writer.Open($"{head} => {subject} switch");
        foreach (var mode in Programs.Modes.Skip(1))
        {
            writer.Line($"{Names.Models}ParallelMode.{mode} => {call(mode)},");
        }

        writer.Line($"_ => {call(Mode.Serial)},");
        writer.Close("};");
    }

    /// <summary>The forward's first parameter, with its placement.</summary>
    public static string FirstName(BlockSpec block, Mode mode) =>
        char.ToLowerInvariant(block.InputName[0]) + block.InputName.Substring(1)
        + (mode == Mode.Serial ? "" : block.IsModel || mode == Mode.Mtp ? "_I" : "_S1");

    private static string Title(BlockSpec block, Mode mode, string which = "")
    {
        var forward = $"{block.Name}.{block.ForwardName}{(which.Length > 0 ? " " + which : "")}";
        return mode switch
        {
            Mode.Serial => $"{forward} on one device, maps of one value as one product.",
            Mode.Mtp => $"{forward} with features spread over the tensor axis and the residual stream whole on each rank.",
            Mode.Msp => $"{forward} with features spread over the tensor axis, and tokens between them.",
            Mode.Fsp => $"{forward} as in msp, gathered tokens being gathered again in the backward pass.",
            _ => $"{forward} with tokens spread over the tensor axis and weights over the weight axis.",
        };
    }

    private static void Body(SourceWriter writer, IReadOnlyList<Statement> body)
    {
        var text = string.Join("\n", Texts(body));
        foreach (var (name, value) in new[] { ("own", Names.Module), ("tensor", "own.Ranks.Tensor"), ("weight", "own.Ranks.Weight"), ("expert", "own.Ranks.Expert"), ("data", "own.Ranks.Data") })
        {
            var used = Regex.IsMatch(text, $"(?<![A-Za-z0-9_.]){name}(?![A-Za-z0-9_])");
            if (used || (name == "own" && Regex.IsMatch(text, "(?<![A-Za-z0-9_.])(tensor|weight|expert|data)(?![A-Za-z0-9_])")))
            {
                writer.Line($"var {name} = {value};");
            }
        }

        Statements(writer, body);
    }

    private static IEnumerable<string> Texts(IEnumerable<Statement> body) => body.SelectMany(s => s switch
    {
        Let let => new[] { let.Value },
        Both both => new[] { both.Value },
        Assign assign => new[] { assign.Value },
        Give give => new[] { give.Value },
        Either either => new[] { either.Condition }.Concat(Texts(either.Then)).Concat(Texts(either.Else)),
        _ => new string[0],
    });

    private static void Statements(SourceWriter writer, IEnumerable<Statement> body)
    {
        foreach (var statement in body)
        {
            switch (statement)
            {
                case Let let:
                    if (let.Comment.Length > 0)
                    {
                        writer.Line("// " + let.Comment);
                    }

                    writer.Line($"var {let.Name} = {let.Value};");
                    break;
                case Both both:
                    writer.Line($"var ({both.First.Name}, {both.Second.Name}) = {both.Value};");
                    break;
                case Assign assign:
                    writer.Line($"{assign.Name} = {assign.Value};");
                    break;
                case Give give:
                    writer.Line($"return {give.Value};");
                    break;
                case Either either:
                    foreach (var name in either.Names)
                    {
                        writer.Line($"{Names.Tensor} {name};");
                    }

                    writer.Open($"if ({either.Condition})");
                    Statements(writer, either.Then);
                    writer.Close();
                    if (either.Else.Count > 0)
                    {
                        writer.Open("else");
                        Statements(writer, either.Else);
                        writer.Close();
                    }

                    break;
            }
        }
    }
}
