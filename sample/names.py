"""The names of the made-up company, of its customers and of people, put together from parts in their countries' styles.

Any likeness to a real firm or person is chance. Names are distinct at every size and carry no numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

COMPANY = "Talvenor"


@dataclass(frozen=True)
class Style:
    """The parts of company names in one language; ``patterns`` say how they are put together."""

    heads: tuple[str, ...]
    trades: tuple[str, ...]
    places: tuple[str, ...]
    forms: tuple[str, ...]
    patterns: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _style(heads: str, trades: str, places: str, forms: str, patterns: str) -> Style:
    return Style(*(_words(text) for text in (heads, trades, places, forms, patterns)))


_GERMAN = _style(
    "Aichhorn, Altmühl, Bärwald, Beckstein, Birkner, Brandhuber, Buchenau, Dernbach, Dörfler, Ebersbach, Eichgrün, "
    "Falkenried, Feldkamp, Fröhling, Gerstenau, Grünfelder, Haidinger, Harkort, Hasenöhrl, Hellbrück, Hölzle, "
    "Imhausen, Jungblut, Kaltenegger, Kesselring, Kirchbach, Köhlmann, Krähwinkel, Kronast, Lindenau, Löwitz, "
    "Marbacher, Mühlfeld, Nesselwang, Niederalt, Oberrauch, Oehme, Pfänder, Plötzke, Quandel, Rauchegger, Rehbock, "
    "Röthlis, Sandherr, Schönauer, Seifhardt, Steinmetzler, Stölzing, Tannhof, Thürmer, Uhlenbrock, Velmede, "
    "Vierlinger, Wäldchen, Weißgerber, Wendlinger, Wiesböck, Zeller, Zehetner, Zürnitz",
    "Aufzüge, Brandschutz, Energietechnik, Fördertechnik, Gebäudetechnik, Hausverwaltung, Heizungsbau, Kältetechnik, "
    "Klimatechnik, Krantechnik, Labortechnik, Logistik, Lüftungsbau, Medizintechnik, Messtechnik, Netzbau, "
    "Objektservice, Pumpen, Reinigung, Rohrbau, Sanitär, Schaltanlagen, Sicherheitstechnik, Solartechnik, "
    "Stapler, Torbau, Umwelttechnik, Wartung, Wassertechnik, Windservice",
    "Allgäu, Alpenland, Bergstraße, Bodensee, Donau, Eifel, Elbe, Emsland, Franken, Hansa, Harz, Havel, Hellweg, "
    "Hunsrück, Inntal, Isar, Kurpfalz, Lahn, Lausitz, Mosel, Münsterland, Nord, Ostsee, Rhön, Saale, Spree, Süd, "
    "Taunus, Weser, Westfalen",
    "GmbH, AG, KG, GmbH & Co. KG",
    "{head} {trade} {form}, {head} & {other} {form}, {head} & Söhne {trade}, {trade} {place} {head}, "
    "{head} & {other} {place}",
)
_FRENCH = _style(
    "Aubrécourt, Beaurenard, Bélanzac, Chastelain, Châtenoy, Corbière, Courtavel, Delorgeril, Desfontaines, Duchêne, "
    "Estrabaud, Faucompré, Ferrandier, Fontvieille, Garance, Grandpré, Hébrardin, Jaubertin, Lacassine, Lefébure, "
    "Léautaud, Malherbiot, Marchenoir, Montclar, Orfeuille, Péricourt, Perrachon, Quénivet, Rochebrune, Roussillat, "
    "Sérandour, Tavernost, Thévenard, Trémolin, Valfleury, Vaugrenard",
    "Ascenseurs, Ateliers, Bâtiment, Chauffage, Dépannage, Énergies, Entretien, Équipements, Froid, Hydraulique, "
    "Levage, Maintenance, Propreté, Réseaux, Sécurité, Thermique",
    "Adour, Allier, Ardèche, Artois, Aubrac, Isère, Indre, Oise, Orne, Ouest, Ourcq, Estérel, Essonne, Eure, Yonne, "
    "Auvergne",
    "SAS, SARL, SA",
    "{trade} {head}, {head} et Fils {form}, {trade} de l'{place}, {head} & {other} {form}, {trade} {head} {place}, "
    "L'Atelier {head}, {head} et {other} {place}",
)
_DUTCH = _style(
    "'t Hoen, Aalbersberg, Boterkamp, Brinkhorst, De Graauw, De Wildeman, Doornenbal, Eikelenstam, Groothuis, "
    "Hoogendam, Kerkdijk, Kortleven, Langedoen, Meerveld, Nieuwstraten, Oosterwal, Peereboom, Rietveldt, Schuurbeek, "
    "Ten Broeke, Uitdenbos, Van den Akerveld, Van der Meule, Veenhoven, Verkuylen, Wagenvoort, Westerhuijs, Zeegers",
    "Beveiliging, Energie, Installatie, Klimaat, Koeltechniek, Liften, Netwerken, Onderhoud, Schoonmaak, Techniek, "
    "Transport, Waterbouw, Zonnepanelen",
    "Achterhoek, Betuwe, Brabant, Drenthe, IJssel, Kempen, Maas, Noord, Rijn, Twente, Veluwe, Waal, Zeeland",
    "B.V., N.V.",
    "{head} {trade} {form}, {head} & {other} {form}, {head} & Zonen {trade}, {trade} {place} {head}, "
    "{head} & {other} {place}",
)
_SPANISH = _style(
    "Abascalón, Aldecoa, Arizmendi, Bárcenas, Beltrán, Calahorra, Casarrubio, Cifuentes, Echevarría, Fontanal, "
    "Gándara, Ibarrola, Jáuregui, Lizárraga, Mendizábal, Montañés, Muñagorri, Olazábal, Peñalver, Quiñonero, "
    "Ribadeo, Sepúlveda, Urquijo, Valdeolmos, Yáñez, Zubieta",
    "Ascensores, Climatización, Energía, Frío, Hidráulica, Instalaciones, Limpiezas, Mantenimiento, Montajes, Redes, "
    "Seguridad, Transportes",
    "Aragón, Bidasoa, Cantabria, Ebro, Jarama, Levante, Málaga, Miño, Norte, Segre, Sur, Tajo",
    "S.L., S.A.",
    "{trade} {head} {form}, Hermanos {head} {form}, {head} y {other} {form}, {trade} {head} del {place}, "
    "{head} y {other} {place}",
)
_ITALIAN = _style(
    "Albarelli, Bonfanti, Brambati, Calderoli, Castagneri, D'Angeloni, D'Ambrosi, Dall'Orto, Dell'Acquario, "
    "Fioravanti, Gambarin, Giordanello, Lorenzetti, Mantegazzi, Marchesin, Montaldo, Nicolosi, Orlandini, Pellegrin, "
    "Quaglioni, Ravagnan, Sant'Elia, Serafin, Tagliabò, Vignolo, Zanardello",
    "Ascensori, Climatizzazione, Energia, Idraulica, Impianti, Logistica, Manutenzioni, Montaggi, Pulizie, "
    "Refrigerazione, Sicurezza, Termica",
    "Adda, Adige, Brenta, Brianza, Dell'Arno, Friuli, Langhe, Liguria, Marche, Romagna, Sannio, Ticino",
    "S.r.l., S.p.A.",
    "{trade} {head} {form}, Fratelli {head} {form}, {head} & {other} {form}, {trade} {head} {place}, "
    "{head} e {other} {place}",
)
_NORDIC = _style(
    "Almgren, Askeby, Björklöf, Blåfjäll, Brännström, Dalsäter, Ekerö, Fagerhult, Granåker, Grönvall, Hagström, "
    "Hällnäs, Järnfors, Kvarnby, Källström, Lindhage, Lövmark, Mellqvist, Norrsken, Odenhög, Rönnqvist, Sjölander, "
    "Skogsäng, Strömvall, Tallmo, Ulvsund, Vänerborg, Åkerblad, Ängsö, Östmark",
    "Bygg, El, Energi, Fastighet, Fläkt, Hiss, Industri, Kyla, Logistik, Rör, Service, Säkerhet, Teknik, Värme",
    "Bohus, Dalarna, Gävle, Kalmar, Mälaren, Norr, Roslagen, Skåne, Sund, Söder, Vättern, Väst, Öresund, Öst",
    "AB",
    "{head} {trade} {form}, {head} & {other} {form}, {head} & Söner {trade}, {trade} {place} {head}, "
    "{head} & {other} {place}",
)
_POLISH = _style(
    "Bielawiak, Brzozek, Chmielnik, Dąbrowiec, Drzewiak, Gąsiorek, Głowiński, Jaworzak, Kłosowiec, Kozłowiak, "
    "Łęgowski, Łukasik, Miodek, Ostrowiak, Piaseczek, Rękawek, Ścibor, Śliwka, Topolnik, Wąsik, Wierzbiak, Wróblik, "
    "Zającek, Źródło, Żarski, Żurawik",
    "Budowa, Chłodnictwo, Dźwigi, Energia, Hydraulika, Instalacje, Klimatyzacja, Montaż, Ochrona, Serwis, Sieci, "
    "Transport",
    "Bałtyk, Kujawy, Łódź, Mazowsze, Mazury, Odra, Podhale, Pomorze, Śląsk, Wisła",
    "Sp. z o.o., S.A.",
    "{head} {trade} {form}, {head} i {other} {form}, {trade} {place} {head}, {head} i {other} {place}",
)
_AMERICAN = _style(
    "Abernathy, Ashgrove, Bellweather, Blackthorn, Brightwater, Calloway, Copperfield, D'Amoria, Dunmore, Eastlake, "
    "Fairbrook, Ferncliff, Granger, Hathorne, Holloway, Ironbridge, Kettering, Langford, Lockridge, Marlowe, "
    "McAllisdair, Northfield, O'Brannon, O'Keeley, Pemberton, Quillan, Ravenscroft, Redwater, Silverton, Stonegate, "
    "Thornbury, Underhill, Vandermark, Westbrook, Whitlock, Wycliffe",
    "Building Services, Cold Storage, Elevator, Energy, Environmental, Facilities, Field Services, Fire Protection, "
    "Heating & Cooling, Logistics, Mechanical, Medical Systems, Plumbing, Power, Property Care, Water",
    "Bay State, Cascade, Chesapeake, Gulf Coast, Great Lakes, Hudson, Keystone, Lone Star, Midwest, Ozark, Piedmont, "
    "Prairie, Sierra, Tidewater",
    "Inc., LLC, Co.",
    "{head} {trade} {form}, {head} & {other} {form}, {place} {trade} {form}, {head} & Sons {trade}, "
    "{head} & {other} {place}, {place} {head} {trade}",
)
STYLES = {
    "DE": _GERMAN, "AT": _GERMAN, "CH": _GERMAN, "FR": _FRENCH, "NL": _DUTCH, "ES": _SPANISH, "IT": _ITALIAN,
    "SE": _NORDIC, "PL": _POLISH, "US": _AMERICAN,
}  # fmt: skip
_FIRST = _words(
    "Aleksandra, Amélie, Anders, Bruno, Carla, Chiara, Daniel, Elif, Emma, Farid, Femke, Greta, Hanna, Hugo, Ines, "
    "Jana, Jonas, Katja, Lars, Léa, Luca, Maja, Marek, Mina, Noah, Nuria, Oskar, Paula, Rafael, Renske, Samir, Sofia, "
    "Theo, Tomasz, Valérie, Yara"
)
_LAST = _words(
    "Albrecht, Andersson, Baptiste, Bergmann, Castillo, Conti, de Boer, Demir, Dubois, Engström, Ferrari, Fischer, "
    "Garnier, Haas, Ivanović, Jansen, Kaya, Keller, Kowalska, Lambert, Lindqvist, Marino, Moreau, Müller, Navarro, "
    "Nowak, O'Neill, Okafor, Pereira, Richter, Sánchez, Schäfer, Tanaka, van Dijk, Weber, Zimmermann"
)
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "ø": "oe", "'": "", "’": ""})


def company_names(rng: np.random.Generator, countries: np.ndarray) -> np.ndarray:
    """One distinct company name per country code given, in the style of that country.

    >>> list(company_names(np.random.default_rng(1), np.array(["FR", "SE"])))
    ['Jaubertin et Fils SAS', 'Tallmo & Skogsäng Mälaren']
    """
    names = np.empty(len(countries), dtype=object)
    for style in dict.fromkeys(STYLES.values()):
        where = np.isin(countries, [country for country, own in STYLES.items() if own is style])
        names[where] = _distinct(rng, style, int(where.sum()))
    return names


def person_names(rng: np.random.Generator, n: int) -> list[str]:
    """``n`` distinct names of people; at most 1,296."""
    chosen = rng.permutation(len(_FIRST) * len(_LAST))[:n]
    return [f"{_FIRST[i // len(_LAST)]} {_LAST[i % len(_LAST)]}" for i in chosen]


def address_part(name: str, joint: str = "-") -> str:
    """A name as it is spelled in an e-mail address.

    >>> address_part("Łęgowski & Söhne Sp. z o.o."), address_part("Paula van Dijk", ".")
    ('legowski-soehne-sp-z-o-o', 'paula.van.dijk')
    """
    spelled = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED)).encode("ascii", "ignore").decode()
    return joint.join(re.findall("[a-z0-9]+", spelled))


def _distinct(rng: np.random.Generator, style: Style, n: int) -> list[str]:
    """``n`` names, of which no two are equal."""
    names: dict[str, None] = {}
    while len(names) < n:
        names |= dict.fromkeys(_draw(rng, style, n))
    return list(names)[:n]


def _draw(rng: np.random.Generator, style: Style, n: int) -> Iterator[str]:
    """``n`` names, some of which may be equal; the two partners of a firm never bear the same name."""
    head = rng.integers(len(style.heads), size=n)
    other = (head + rng.integers(1, len(style.heads), size=n)) % len(style.heads)
    trade, place, form, pattern = (
        rng.choice(words, size=n) for words in (style.trades, style.places, style.forms, style.patterns)
    )
    for i in range(n):
        yield pattern[i].format(
            head=style.heads[head[i]], other=style.heads[other[i]], trade=trade[i], place=place[i], form=form[i]
        )
