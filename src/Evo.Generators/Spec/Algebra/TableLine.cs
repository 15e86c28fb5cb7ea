// One line of the table as words, read from left to right. Says the same of a wrong line as its sibling in Evo.Core.
using System;
using System.Collections.Generic;
using System.Globalization;

namespace Evo.Generators.Spec.Algebra;

/// <summary>What is wrong at a place of the table; the line is 0 where the whole is meant.</summary>
internal sealed record AlgebraProblem(int Line, int Column, string Found, string Rule)
{
    public override string ToString()
    {
        var place = Line == 0
            ? "algebra.txt"
            : string.Format(CultureInfo.InvariantCulture, "algebra.txt:{0}:{1}", Line, Column);
        var stop = Rule.EndsWith(".", StringComparison.Ordinal) || Rule.EndsWith("?", StringComparison.Ordinal) ? "" : ".";
        return place + ": " + (Found.Length == 0 ? "" : Found + ": ") + Rule + stop;
    }
}

/// <summary>A line that cannot be read; caught for each line, so that all problems are reported at once.</summary>
internal sealed class TableLineException : Exception
{
    public TableLineException(AlgebraProblem problem)
        : base(problem.ToString()) => Problem = problem;

    public AlgebraProblem Problem { get; }
}

/// <summary>The words of one line: names, numbers and signs.</summary>
internal sealed class TableLine
{
    private readonly List<(string Text, int Column)> words = new();
    private readonly int length;
    private int next;

    public TableLine(int number, string text)
    {
        Number = number;
        length = text.TrimEnd().Length;
        for (var at = 0; at < text.Length && text[at] != '#';)
        {
            if (text[at] is ' ' or '\t' or '\r')
            {
                at++;
                continue;
            }

            var word = text.Substring(at, WordLength(text, at));
            words.Add((word, at + 1));
            at += word.Length;
        }
    }

    /// <summary>Number of the line, from 1.</summary>
    public int Number { get; }

    /// <summary>Whether nothing but a comment stands there.</summary>
    public bool IsEmpty => words.Count == 0;

    /// <summary>The first word; empty where there is none.</summary>
    public string First => words.Count > 0 ? words[0].Text : "";

    /// <summary>The next word; empty at the end.</summary>
    public string Peek => next < words.Count ? words[next].Text : "";

    /// <summary>The word after the next; empty at the end.</summary>
    public string After => next + 1 < words.Count ? words[next + 1].Text : "";

    /// <summary>Whether the next word is a name.</summary>
    public bool IsName => Peek.Length > 0 && IsLetter(Peek[0]);

    /// <summary>Whether the next word is a number that can be read.</summary>
    public bool IsNumber => Peek.Length is > 0 and <= 4 && IsDigit(Peek[0]);

    /// <summary>What stands next is not what the rule asks for.</summary>
    public TableLineException Refuse(string rule) =>
        new(new AlgebraProblem(Number, next < words.Count ? words[next].Column : length + 1, Peek, rule));

    /// <summary>Whether the next word is this one, which is then read.</summary>
    public bool Take(string word)
    {
        var found = Peek == word;
        next += found ? 1 : 0;
        return found;
    }

    public void Expect(string word)
    {
        if (!Take(word))
        {
            throw Refuse("'" + word + "' is expected");
        }
    }

    public string Name(string what)
    {
        if (!IsName)
        {
            throw Refuse(what + " is expected");
        }

        return words[next++].Text;
    }

    /// <summary>Reads a number of at most four digits.</summary>
    public int Int()
    {
        if (!IsNumber)
        {
            throw Refuse("a number is expected");
        }

        return int.Parse(words[next++].Text, CultureInfo.InvariantCulture);
    }

    /// <summary>Items with commas between them.</summary>
    public EquatableArray<T> List<T>(Func<T> item)
        where T : IEquatable<T>
    {
        var items = new List<T>();
        do
        {
            items.Add(item());
        }
        while (Take(","));
        return new EquatableArray<T>(items);
    }

    /// <summary>Nothing may be left.</summary>
    public void End()
    {
        if (Peek.Length > 0)
        {
            throw Refuse("nothing more is expected on this line");
        }
    }

    private static int WordLength(string text, int at)
    {
        if (IsLetter(text[at]) || IsDigit(text[at]))
        {
            var number = IsDigit(text[at]);
            var stop = at;
            while (stop < text.Length && (IsDigit(text[stop]) || (!number && IsLetter(text[stop]))))
            {
                stop++;
            }

            return stop - at;
        }

        foreach (var sign in new[] { "...", "->", "!=", "<=", ">=" })
        {
            if (string.CompareOrdinal(text, at, sign, 0, sign.Length) == 0)
            {
                return sign.Length;
            }
        }

        return 1;
    }

    private static bool IsLetter(char c) => c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or '_';

    private static bool IsDigit(char c) => c is >= '0' and <= '9';
}
