"""Tables of names, countries and simple facts, and which values are held out of the training."""
import zlib


def held_out(value):
    """Whether only the evaluation draws this value: about one in ten is."""
    return zlib.crc32(str(value).encode()) % 10 == 0


def table(text):
    return [tuple(part.strip() for part in line.split(",")) for line in text.strip().split("\n")]


# Country, capital, continent.
COUNTRIES = table("""
Afghanistan, Kabul, Asia\nAlbania, Tirana, Europe\nAlgeria, Algiers, Africa\nAndorra, Andorra la Vella, Europe
Angola, Luanda, Africa\nArgentina, Buenos Aires, South America\nArmenia, Yerevan, Asia\nAustralia, Canberra, Oceania
Austria, Vienna, Europe\nAzerbaijan, Baku, Asia\nBahrain, Manama, Asia\nBangladesh, Dhaka, Asia\nBarbados, Bridgetown, North America
Belarus, Minsk, Europe\nBelgium, Brussels, Europe\nBelize, Belmopan, North America\nBhutan, Thimphu, Asia
Bosnia and Herzegovina, Sarajevo, Europe\nBotswana, Gaborone, Africa\nBrazil, Brasília, South America\nBulgaria, Sofia, Europe
Burkina Faso, Ouagadougou, Africa\nCambodia, Phnom Penh, Asia\nCameroon, Yaoundé, Africa\nCanada, Ottawa, North America
Chad, N'Djamena, Africa\nChile, Santiago, South America\nChina, Beijing, Asia\nColombia, Bogotá, South America
Costa Rica, San José, North America\nCroatia, Zagreb, Europe\nCuba, Havana, North America\nCyprus, Nicosia, Europe
Czechia, Prague, Europe\nDenmark, Copenhagen, Europe\nEcuador, Quito, South America\nEgypt, Cairo, Africa
El Salvador, San Salvador, North America\nEritrea, Asmara, Africa\nEstonia, Tallinn, Europe\nEthiopia, Addis Ababa, Africa
Fiji, Suva, Oceania\nFinland, Helsinki, Europe\nFrance, Paris, Europe\nGabon, Libreville, Africa\nGeorgia, Tbilisi, Asia
Germany, Berlin, Europe\nGhana, Accra, Africa\nGreece, Athens, Europe\nGuatemala, Guatemala City, North America
Guinea, Conakry, Africa\nHaiti, Port-au-Prince, North America\nHonduras, Tegucigalpa, North America\nHungary, Budapest, Europe
Iceland, Reykjavik, Europe\nIndia, New Delhi, Asia\nIndonesia, Jakarta, Asia\nIran, Tehran, Asia\nIraq, Baghdad, Asia
Ireland, Dublin, Europe\nIsrael, Jerusalem, Asia\nItaly, Rome, Europe\nJamaica, Kingston, North America\nJapan, Tokyo, Asia
Jordan, Amman, Asia\nKazakhstan, Astana, Asia\nKenya, Nairobi, Africa\nKuwait, Kuwait City, Asia\nKyrgyzstan, Bishkek, Asia
Laos, Vientiane, Asia\nLatvia, Riga, Europe\nLebanon, Beirut, Asia\nLiberia, Monrovia, Africa\nLibya, Tripoli, Africa
Liechtenstein, Vaduz, Europe\nLithuania, Vilnius, Europe\nLuxembourg, Luxembourg, Europe\nMadagascar, Antananarivo, Africa
Malawi, Lilongwe, Africa\nMalaysia, Kuala Lumpur, Asia\nMali, Bamako, Africa\nMalta, Valletta, Europe\nMexico, Mexico City, North America
Moldova, Chișinău, Europe\nMonaco, Monaco, Europe\nMongolia, Ulaanbaatar, Asia\nMontenegro, Podgorica, Europe\nMorocco, Rabat, Africa
Mozambique, Maputo, Africa\nNamibia, Windhoek, Africa\nNepal, Kathmandu, Asia\nNew Zealand, Wellington, Oceania
Nicaragua, Managua, North America\nNiger, Niamey, Africa\nNigeria, Abuja, Africa\nNorth Macedonia, Skopje, Europe\nNorway, Oslo, Europe
Oman, Muscat, Asia\nPakistan, Islamabad, Asia\nPanama, Panama City, North America\nParaguay, Asunción, South America
Peru, Lima, South America\nPhilippines, Manila, Asia\nPoland, Warsaw, Europe\nPortugal, Lisbon, Europe\nQatar, Doha, Asia
Romania, Bucharest, Europe\nRussia, Moscow, Europe\nRwanda, Kigali, Africa\nSamoa, Apia, Oceania\nSaudi Arabia, Riyadh, Asia
Senegal, Dakar, Africa\nSerbia, Belgrade, Europe\nSierra Leone, Freetown, Africa\nSingapore, Singapore, Asia\nSlovakia, Bratislava, Europe
Slovenia, Ljubljana, Europe\nSomalia, Mogadishu, Africa\nSouth Korea, Seoul, Asia\nSpain, Madrid, Europe\nSudan, Khartoum, Africa
Suriname, Paramaribo, South America\nSweden, Stockholm, Europe\nSwitzerland, Bern, Europe\nSyria, Damascus, Asia\nTajikistan, Dushanbe, Asia
Tanzania, Dodoma, Africa\nThailand, Bangkok, Asia\nTogo, Lomé, Africa\nTonga, Nukuʻalofa, Oceania\nTunisia, Tunis, Africa
Turkey, Ankara, Asia\nTurkmenistan, Ashgabat, Asia\nUganda, Kampala, Africa\nUkraine, Kyiv, Europe
the United Kingdom, London, Europe\nthe United States, Washington, North America\nUruguay, Montevideo, South America
Uzbekistan, Tashkent, Asia\nVenezuela, Caracas, South America\nVietnam, Hanoi, Asia\nYemen, Sanaa, Asia\nZambia, Lusaka, Africa
Zimbabwe, Harare, Africa\nthe Netherlands, Amsterdam, Europe\nBolivia, Sucre, South America\nBenin, Porto-Novo, Africa\nBurundi, Gitega, Africa
Djibouti, Djibouti, Africa\nthe Bahamas, Nassau, North America\nthe Dominican Republic, Santo Domingo, North America
the United Arab Emirates, Abu Dhabi, Asia\nLesotho, Maseru, Africa\nMauritius, Port Louis, Africa\nMauritania, Nouakchott, Africa
Papua New Guinea, Port Moresby, Oceania\nSouth Africa, Pretoria, Africa\nthe Ivory Coast, Yamoussoukro, Africa\nGuyana, Georgetown, South America
Brunei, Bandar Seri Begawan, Asia\nSri Lanka, Colombo, Asia\nMyanmar, Naypyidaw, Asia\nNorth Korea, Pyongyang, Asia\nthe Maldives, Malé, Asia
""")

CITIES = sorted({capital for _, capital, _ in COUNTRIES} | set("""Amsterdam Antwerp Athens Atlanta Auckland Barcelona Basel Bergen Bilbao Birmingham
Bologna Bordeaux Boston Bremen Brisbane Bristol Calgary Cambridge Chicago Cologne Dallas Delhi Denver Detroit Dresden Dubai Edinburgh Florence
Frankfurt Geneva Genoa Ghent Glasgow Graz Hamburg Houston Istanbul Karachi Krakow Kyoto Lagos Lausanne Leeds Leipzig Liverpool Lyon Manchester
Marseille Melbourne Miami Milan Montreal Mumbai Munich Naples Nice Nuremberg Osaka Oxford Palermo Perth Philadelphia Phoenix Porto Portland
Rotterdam Salzburg Seattle Seville Shanghai Stuttgart Sydney Toronto Toulouse Trieste Turin Utrecht Valencia Vancouver Venice Verona Zurich""".split()))

NAMES = """Ada Adam Agnes Ahmed Aisha Alan Albert Alice Amir Amy Ana Andrea Angela Anna Anton Arthur Astrid Ben Bella Bruno Carla Carlos Caroline
Cecilia Chen Clara Claude Daniel Daria David Diana Diego Dora Edgar Elena Eli Elisa Emil Emma Eric Esther Eva Farid Felix Fiona Frank Frida Gabriel
George Greta Hanna Hans Hassan Helen Henry Hugo Ian Ida Igor Ines Ingrid Irene Isaac Ivan Jack Jacob James Jan Jane Jonas Julia Kai Karin Karl
Kate Kenji Lara Laura Lea Leo Lena Lina Linus Louis Lucas Lucy Maja Marco Maria Marie Mark Martha Martin Max Maya Mia Michael Mila Mira Mohamed
Nadia Nils Nina Noah Nora Olga Oliver Omar Oscar Otto Paul Paula Pedro Peter Petra Pia Priya Ravi Rita Robert Rosa Ruth Samir Sara Simon Sofia
Stefan Susan Sven Tamara Tara Theo Thomas Tim Tina Tom Uma Vera Victor Viola Walter Yara Yuki Zoe""".split()

JOBS = """teacher doctor nurse pilot baker painter singer farmer lawyer engineer dentist gardener tailor waiter writer judge plumber chemist
carpenter librarian photographer translator mechanic sailor butcher musician""".split()
COLOURS = "red blue green yellow black white orange purple pink brown grey golden".split()
HOBBIES = """chess tennis painting sailing cooking skating dancing singing reading hiking football gardening swimming cycling fishing knitting
photography running climbing surfing""".split()
LANGUAGES = """English French German Spanish Italian Dutch Polish Greek Turkish Arabic Hindi Japanese Korean Chinese Russian Danish Swedish Finnish
Czech Latin""".split()
FOODS = """pancakes soup bread pizza salad curry omelette risotto lasagna porridge muffins goulash stew cake pie noodles""".split()
INGREDIENTS = """flour milk eggs butter sugar salt rice tomatoes onions garlic cheese carrots potatoes beans pepper oil honey cream basil lemons
mushrooms spinach apples yeast""".split()

# Lists that can be asked for in full or in part.
LISTS = {
    "the days of the week": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "the months": "January February March April May June July August September October November December".split(),
    "the seasons": "spring summer autumn winter".split(),
    "the planets": "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split(),
    "the continents": ["Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America"],
}
SAMPLES = {
    "animals": "dog cat horse cow sheep goat lion tiger bear wolf".split(), "fruits": "apple pear plum cherry peach banana orange grape lemon fig".split(),
    "colours": "red orange yellow green blue purple brown black white grey".split(),
    "vegetables": "carrot potato onion cabbage spinach tomato cucumber bean pea leek".split(),
    "instruments": "piano violin flute guitar trumpet drum harp cello clarinet oboe".split(),
    "birds": "eagle owl swan duck sparrow robin crow raven stork gull".split(),
}
OPPOSITES = table("""
big, small\nhot, cold\nold, young\nfast, slow\nhigh, low\nlong, short\nhappy, sad\nlight, dark\nrich, poor\nstrong, weak\nfull, empty\nopen, closed
wet, dry\nearly, late\neasy, difficult\nclean, dirty\nloud, quiet\nthick, thin\nhard, soft\ngood, bad\nright, wrong\nnear, far\nfirst, last\nup, down
left, right\nday, night\nsweet, sour\nbrave, afraid\ncheap, expensive\ndeep, shallow\nsharp, blunt\ntrue, false\nheavy, light\nwide, narrow
inside, outside\nabove, below\nalways, never\nbefore, after\nfriend, enemy\nbegin, end
""")
FACTS = [tuple(line.split("|")) for line in """
How many days has a week?|A week has 7 days.\nHow many months has a year?|A year has 12 months.\nHow many hours has a day?|A day has 24 hours.
How many minutes has an hour?|An hour has 60 minutes.\nHow many seconds has a minute?|A minute has 60 seconds.\nHow many days has a year?|A year has 365 days.
How many legs has a spider?|A spider has 8 legs.\nHow many legs has an insect?|An insect has 6 legs.\nHow many legs has a dog?|A dog has 4 legs.
How many legs has a bird?|A bird has 2 legs.\nHow many strings has a violin?|A violin has 4 strings.\nHow many strings has a guitar?|A guitar has 6 strings.
How many sides has a triangle?|A triangle has 3 sides.\nHow many sides has a square?|A square has 4 sides.\nHow many wheels has a bicycle?|A bicycle has 2 wheels.
How many wheels has a car?|A car has 4 wheels.\nHow many planets are there?|There are 8 planets.\nHow many continents are there?|There are 7 continents.
What colour is the sky?|The sky is blue.\nWhat colour is grass?|Grass is green.\nWhat colour is snow?|Snow is white.\nWhat colour is blood?|Blood is red.
What colour is a banana?|A banana is yellow.\nWhat colour is coal?|Coal is black.\nWhat colour is an elephant?|An elephant is grey.
What does a dog say?|A dog says woof.\nWhat does a cat say?|A cat says meow.\nWhat does a cow say?|A cow says moo.\nWhat does a duck say?|A duck says quack.
What does a sheep say?|A sheep says baa.\nWhat does an owl say?|An owl says hoot.\nWhat is the largest planet?|Jupiter is the largest planet.
What is the smallest planet?|Mercury is the smallest planet.\nWhat is the largest ocean?|The Pacific is the largest ocean.
What is the highest mountain?|Mount Everest is the highest mountain.\nWhat is the largest animal?|The blue whale is the largest animal.
What is the symbol of gold?|The symbol of gold is Au.\nWhat is the symbol of silver?|The symbol of silver is Ag.\nWhat is the symbol of iron?|The symbol of iron is Fe.
What is the symbol of oxygen?|The symbol of oxygen is O.\nWhat is the symbol of hydrogen?|The symbol of hydrogen is H.
At how many degrees does water boil?|Water boils at 100 degrees Celsius.\nAt how many degrees does water freeze?|Water freezes at 0 degrees Celsius.
""".strip().split("\n")]
HELLO_WORLD = {
    "Java": ("java", 'System.out.println("Hello, world!");'), "Python": ("python", 'print("Hello, world!")'),
    "C": ("c", 'puts("Hello, world!");'), "JavaScript": ("javascript", 'console.log("Hello, world!");'),
    "Kotlin": ("kotlin", 'println("Hello, world!")'), "Rust": ("rust", 'println!("Hello, world!");'),
    "Go": ("go", 'fmt.Println("Hello, world!")'), "Ruby": ("ruby", 'puts "Hello, world!"'),
    "Scala": ("scala", 'println("Hello, world!")'), "Bash": ("bash", 'echo "Hello, world!"'),
}
